#include "analyzer/query/csv.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <limits>
#include <random>

#include "analyzer/series/frame.h"

namespace sonde::analyzer {
namespace {

TEST(Csv, FieldsAreQuotedWhereRfc4180WantsIt) {
  EXPECT_EQ(csv_field("up"), "up");
  EXPECT_EQ(csv_field(R"(up{a="x",b="y"})"), R"("up{a=""x"",b=""y""}")");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
}

TEST(Csv, EveryValueReadsBackWithTheSameBits) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (value != value) continue;
    ASSERT_EQ(std::bit_cast<uint64_t>(std::strtod(csv_value(value).c_str(), nullptr)),
              std::bit_cast<uint64_t>(value));
  }
}

TEST(Csv, SpecialValuesKeepTheirBits) {
  EXPECT_EQ(csv_value(-0.0), "-0");
  EXPECT_EQ(csv_value(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(csv_value(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(csv_value(std::bit_cast<double>(kStaleNanBits)), "nan(0x7ff0000000000002)");
  EXPECT_EQ(csv_value(std::bit_cast<double>(0xfff8000000000001ULL)), "nan(0xfff8000000000001)");
  EXPECT_EQ(csv_value(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(Csv, LinesEndAsRfc4180WantsAndGapsAreEmpty) {
  std::string out;
  append_csv(out, "up", std::vector<Sample>{{1000, 1}, {2000, 0.1}});
  append_csv_cell(out, "up", 3000, kGap);
  EXPECT_EQ(out, "up,1000,1\r\nup,2000,0.1\r\nup,3000,\r\n");
}

}  // namespace
}  // namespace sonde::analyzer
