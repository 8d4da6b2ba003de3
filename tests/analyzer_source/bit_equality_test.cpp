// The decoders against Debian's Prometheus: what was written comes back bit by bit.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/analyzer_source/read_all.h"
#include "tests/analyzer_source/ten_kinds.h"

namespace sonde::analyzer {
namespace {

using test::difference;
using test::options_for;
using test::read_all;
using test::Samples;
using test::SeriesMap;

constexpr int kPerKind = 100;
constexpr int kSamples = 1'240;  // over ten chunks of 120 for each of the 1,000 series

class BitEqualityTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    loaded = std::make_unique<test::LoadedServer>(kPerKind, kSamples);
    ASSERT_EQ(loaded->error, "");
  }
  static void TearDownTestSuite() { loaded.reset(); }

  static inline std::unique_ptr<test::LoadedServer> loaded;
};

TEST_F(BitEqualityTest, TenThousandChunksComeBackBitByBitInBothModes) {
  // Counted by the server itself, so that the test cannot shrink unnoticed.
  constexpr std::string_view kMetric = "\nprometheus_tsdb_head_chunks_created_total ";
  const std::string metrics = loaded->server.get("/metrics");
  const size_t at = metrics.find(kMetric);
  ASSERT_NE(at, std::string::npos);
  ASSERT_GE(std::stod(metrics.substr(at + kMetric.size())), 10'000);
  ASSERT_EQ(test::data_kinds().size(), 10U);

  const ReadQuery query = loaded->whole();
  SeriesMap read;
  ReadStats stats;
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kChunks), query, read, &stats), "");
  EXPECT_EQ(difference(loaded->written, read), "");
  EXPECT_EQ(stats.series, loaded->written.size());
  EXPECT_EQ(stats.samples, loaded->written.size() * kSamples);
  EXPECT_EQ(stats.clipped_samples, 0U);
  EXPECT_EQ(stats.duplicate_samples, 0U);

  read.clear();
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kSamples), query, read), "");
  EXPECT_EQ(difference(loaded->expected(query, true), read), "");
}

TEST_F(BitEqualityTest, EqualsARangeSelectorWithoutStaleMarkersAndWithOneNan) {
  for (const std::string& kind : test::data_kinds()) {
    const std::string matcher = "sonde_test_data{kind=\"" + kind + "\"}";
    SeriesMap read;
    ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kChunks), loaded->whole(matcher), read),
              "");

    const int64_t range_seconds = (loaded->end_ms - loaded->start_ms) / 1000 + 1;
    const std::string body = loaded->server.get(
        fmt::format("/api/v1/query?time={}.{:03}&query=sonde_test_data%7Bkind%3D%22{}%22%7D%5B{}s%5D",
                    loaded->end_ms / 1000, loaded->end_ms % 1000, kind, range_seconds));
    ASSERT_NE(body, "");
    const auto answer = nlohmann::json::parse(body);
    SeriesMap other;
    for (const auto& series : answer["data"]["result"]) {
      std::vector<LabelSet::Pair> labels;
      for (const auto& [name, value] : series["metric"].items()) labels.emplace_back(name, value);
      Samples& samples = other[LabelSet(std::move(labels)).text()];
      for (const auto& pair : series["values"]) {
        const std::string text = pair[1].get<std::string>();
        double value = 0;
        std::from_chars(text.data() + (text[0] == '+' ? 1 : 0), text.data() + text.size(), value);
        samples.push_back({std::llround(pair[0].get<double>() * 1000), value});
      }
    }
    const auto one_nan = [](Samples& samples) {
      std::erase_if(samples, [](const Sample& sample) { return is_stale(sample.value); });
      for (Sample& sample : samples) {
        if (std::isnan(sample.value)) sample.value = std::numeric_limits<double>::quiet_NaN();
      }
    };
    for (auto& [name, samples] : read) one_nan(samples);
    for (auto& [name, samples] : other) one_nan(samples);
    EXPECT_EQ(difference(other, read), "") << kind;
  }
}

}  // namespace
}  // namespace sonde::analyzer
