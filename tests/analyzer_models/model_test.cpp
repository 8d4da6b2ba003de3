#include "analyzer/models/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "tests/analyzer_models/made_model.h"

namespace sonde::analyzer {
namespace {

using ::testing::HasSubstr;

std::vector<uint64_t> bits_of(const Classifier& classifier, std::span<const double> row) {
  std::vector<double> each(classifier.class_count());
  classifier.probabilities(row, each);
  std::vector<uint64_t> bits;
  for (const double one : each) bits.push_back(std::bit_cast<uint64_t>(one));
  return bits;
}

class EveryKind : public ::testing::TestWithParam<const ClassifierKind*> {};

TEST_P(EveryKind, AnswersWithTheSameBitsAfterARoundTrip) {
  const std::string name(GetParam()->name);
  const Model model = made_model(400, name);
  const Result<Model> back = decode_model(encode_model(model));
  ASSERT_TRUE(back) << back.error().message;
  const LabelledRows asked = made_rows(600, 11);
  ASSERT_NE(back->find(name), nullptr);
  for (size_t i = 0; i < asked.rows(); ++i) {
    EXPECT_EQ(bits_of(*back->find(name), asked.row(i)), bits_of(*model.find(name), asked.row(i)));
    EXPECT_EQ(back->find(name)->predict(asked.row(i)), model.find(name)->predict(asked.row(i)));
  }
}

INSTANTIATE_TEST_SUITE_P(Model, EveryKind,
                         ::testing::Values(&classifier_kinds()[0], &classifier_kinds()[1],
                                           &classifier_kinds()[2], &classifier_kinds()[3]),
                         [](const auto& tested) { return std::string(tested.param->name); });

TEST(Model, KeepsNamesAndScale) {
  const Model model = made_model();
  const Result<Model> back = decode_model(encode_model(model));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->features, model.features);
  EXPECT_EQ(back->classes, model.classes);
  EXPECT_EQ(back->trained_ms, model.trained_ms);
  EXPECT_EQ(back->rows, 90U);
  EXPECT_TRUE(std::ranges::equal(back->standardiser.means(), model.standardiser.means()));
  EXPECT_TRUE(std::ranges::equal(back->standardiser.deviations(), model.standardiser.deviations()));
  EXPECT_TRUE(std::ranges::equal(back->normal.means(), model.normal.means()));
  EXPECT_TRUE(std::ranges::equal(back->normal.deviations(), model.normal.deviations()));
  EXPECT_EQ(back->learnt.size(), 4U);
  EXPECT_EQ(encode_model(*back), encode_model(model));
}

TEST(Model, WhereNormalLiesMayBeUnknown) {
  Model model = made_model(30, "knn");
  model.normal = {};
  const Result<Model> back = decode_model(encode_model(model));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(back->normal.means().empty());
}

TEST(Model, OfTwoThousandRandomCorruptionsNoneIsAccepted) {
  const std::string good = encode_model(made_model());
  std::mt19937_64 random(5);
  const auto below = [&](size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random);
  };
  size_t changed = 0;
  size_t refused = 0;
  for (int i = 0; changed < 2000; ++i) {
    std::string bytes = good;
    switch (i % 4) {
      case 0:  // a bit
        bytes[below(bytes.size())] ^= static_cast<char>(1U << below(8));
        break;
      case 1:  // cut off
        bytes.resize(below(bytes.size()));
        break;
      case 2: {  // a stretch of zeros, as of a block that never reached the disk
        const size_t begin = below(bytes.size());
        std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                  bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), begin + 512)), '\0');
        break;
      }
      default:  // bytes added or put in
        bytes.insert(below(bytes.size() + 1), 1 + below(20), static_cast<char>(below(256)));
    }
    if (bytes == good) continue;  // zeros over zeros change nothing
    ++changed;
    const Result<Model> read = decode_model(bytes);
    if (!read && read.error().message.find('\n') == std::string::npos) ++refused;
  }
  EXPECT_EQ(refused, changed);
}

TEST(Model, SaysWhatIsWrong) {
  const std::string good = encode_model(made_model());
  const auto error_of = [](std::string_view bytes) { return decode_model(bytes).error().message; };
  EXPECT_THAT(error_of(""), HasSubstr("is no model"));
  EXPECT_THAT(error_of("PK\x03\x04 something else"), HasSubstr("is no model"));
  EXPECT_THAT(error_of(good.substr(0, 20)), HasSubstr("cut off"));
  EXPECT_THAT(error_of(good.substr(0, good.size() - 1)), HasSubstr("cut off"));
  std::string changed = good;
  changed[good.size() / 2] ^= 1;
  EXPECT_THAT(error_of(changed), HasSubstr("checksum"));
  std::string newer = good;
  newer[8] = kModelFormat + 1;
  EXPECT_THAT(error_of(newer), HasSubstr("format version 3, this sonde-analyzer reads 2"));
  EXPECT_EQ(decode_model(newer).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace sonde::analyzer
