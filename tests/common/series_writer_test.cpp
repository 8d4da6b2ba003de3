#include "common/metrics/series_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/exposition.h"

namespace sonde::metrics {
namespace {

using ::testing::IsEmpty;

constexpr MetricRow kGauge{"sonde_test_ratio", MetricType::kGauge, "ratio", "", "A test."};
constexpr MetricRow kCounter{"sonde_test_total", MetricType::kCounter, "", "a,b", "A test."};
constexpr MetricRow kHistogram{"sonde_test_seconds", MetricType::kHistogram, "seconds", "a", "A test."};

std::string line_of(double value) {
  SeriesWriter writer;
  writer.family(kGauge);
  const size_t before = writer.text().size();
  writer.sample(value);
  return std::string(writer.text().substr(before));
}

uint64_t bits(double value) {
  return std::bit_cast<uint64_t>(value);
}

/// What strtod, not our own parser, reads from the written text.
double read_back(double value) {
  const std::string line = line_of(value);
  return std::strtod(line.c_str() + std::strlen("sonde_test_ratio "), nullptr);
}

TEST(SeriesWriter, WritesHelpTypeAndSamples) {
  SeriesWriter writer;
  writer.family(kCounter);
  writer.sample({{"a", "1"}}, Labels{{"b", "2"}}, 3);
  writer.sample({{"a", "1"}}, 4);
  writer.family(kGauge);
  writer.sample(0.5);
  EXPECT_EQ(writer.text(),
            "# HELP sonde_test_total A test.\n"
            "# TYPE sonde_test_total counter\n"
            "sonde_test_total{a=\"1\",b=\"2\"} 3\n"
            "sonde_test_total{a=\"1\"} 4\n"
            "# HELP sonde_test_ratio A test.\n"
            "# TYPE sonde_test_ratio gauge\n"
            "sonde_test_ratio 0.5\n");
  EXPECT_EQ(writer.sample_count(), 3U);
}

TEST(SeriesWriter, LabelsThatOnlyTheSampleHasNeedNoOthers) {
  SeriesWriter writer;
  writer.family(kCounter);
  writer.sample(Labels{}, Labels{{"b", "2"}}, 3);
  EXPECT_THAT(std::string(writer.text()), ::testing::EndsWith("\nsonde_test_total{b=\"2\"} 3\n"));
}

TEST(SeriesWriter, SpecialValuesHaveTheFormatsWords) {
  EXPECT_EQ(line_of(std::numeric_limits<double>::quiet_NaN()), "sonde_test_ratio NaN\n");
  EXPECT_EQ(line_of(-std::numeric_limits<double>::quiet_NaN()), "sonde_test_ratio NaN\n");
  EXPECT_EQ(line_of(HUGE_VAL), "sonde_test_ratio +Inf\n");
  EXPECT_EQ(line_of(-HUGE_VAL), "sonde_test_ratio -Inf\n");
}

TEST(SeriesWriter, IntegersBelow2To53HaveNoExponent) {
  EXPECT_EQ(line_of(0), "sonde_test_ratio 0\n");
  EXPECT_EQ(line_of(-0.0), "sonde_test_ratio -0\n");
  EXPECT_EQ(line_of(1e15), "sonde_test_ratio 1000000000000000\n");
  EXPECT_EQ(line_of(9007199254740991.0), "sonde_test_ratio 9007199254740991\n");
  EXPECT_EQ(line_of(-9007199254740991.0), "sonde_test_ratio -9007199254740991\n");
}

TEST(SeriesWriter, ValuesReadBackBitEqual) {
  std::vector<double> values = {0.0,
                                -0.0,
                                0.1,
                                1.0 / 3,
                                -1e-7,
                                123456789.012345,
                                std::numeric_limits<double>::denorm_min(),
                                -std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::min() / 3,
                                std::numeric_limits<double>::min(),
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::lowest(),
                                HUGE_VAL,
                                -HUGE_VAL};
  for (const double step : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
    values.push_back(9007199254740992.0 + step);
    values.push_back(-9007199254740992.0 + step);
  }
  std::mt19937_64 random(23);
  for (int i = 0; i < 100000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isnan(value)) values.push_back(value);
  }
  for (const double value : values) ASSERT_EQ(bits(read_back(value)), bits(value)) << line_of(value);
}

TEST(SeriesWriter, HistogramBucketsAreCumulativeAndEndInInf) {
  SeriesWriter writer;
  writer.family(kHistogram);
  const std::vector<double> bounds = {0.001, 0.5, 10};
  const std::vector<uint64_t> counts = {1, 2, 0, 4};
  writer.histogram({{"a", "x"}}, bounds, counts, 12.5);
  EXPECT_THAT(std::string(writer.text()),
              ::testing::EndsWith("sonde_test_seconds_bucket{a=\"x\",le=\"0.001\"} 1\n"
                                  "sonde_test_seconds_bucket{a=\"x\",le=\"0.5\"} 3\n"
                                  "sonde_test_seconds_bucket{a=\"x\",le=\"10\"} 3\n"
                                  "sonde_test_seconds_bucket{a=\"x\",le=\"+Inf\"} 7\n"
                                  "sonde_test_seconds_sum{a=\"x\"} 12.5\n"
                                  "sonde_test_seconds_count{a=\"x\"} 7\n"));
}

TEST(SeriesWriter, SummaryHasQuantilesSumAndCount) {
  SeriesWriter writer;
  writer.family("sonde_test_bytes", "summary", "A test.");
  const std::vector<std::pair<double, double>> quantiles = {{0.5, 7}, {0.99, 9}};
  writer.summary({}, quantiles, 3, 21);
  EXPECT_EQ(writer.text(),
            "# HELP sonde_test_bytes A test.\n# TYPE sonde_test_bytes summary\n"
            "sonde_test_bytes{quantile=\"0.5\"} 7\nsonde_test_bytes{quantile=\"0.99\"} 9\n"
            "sonde_test_bytes_sum 21\nsonde_test_bytes_count 3\n");
}

TEST(SeriesWriter, HelpMayHoldAnything) {
  SeriesWriter writer;
  writer.family("x", "gauge", "two\nlines, a \\ and a \"");
  const auto page = test::parse_exposition(writer.text());
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->help.at("x"), "two\nlines, a \\ and a \"");
}

TEST(SeriesWriter, AppendTakesOverTextAndCount) {
  SeriesWriter first;
  first.family(kGauge);
  first.sample(1);
  SeriesWriter second;
  second.family(kCounter);
  second.sample({{"a", "1"}}, 2);
  first.append(second);
  EXPECT_EQ(first.sample_count(), 2U);
  EXPECT_THAT(test::duplicate_series(first.text()), IsEmpty());
  EXPECT_EQ(test::parse_exposition(first.text())->value("sonde_test_total"), 2);
}

TEST(SeriesWriter, TakeAndClearLeaveItEmpty) {
  SeriesWriter writer;
  writer.family(kGauge);
  writer.sample(1);
  EXPECT_FALSE(writer.take().empty());
  EXPECT_EQ(writer.text(), "");
  EXPECT_EQ(writer.sample_count(), 0U);
  writer.family(kGauge);
  writer.sample(1);
  writer.clear();
  EXPECT_EQ(writer.text(), "");
}

TEST(SeriesWriter, WritesTheSameInMemoryThatAnotherTextLeft) {
  SeriesWriter first;
  first.family(kGauge);
  for (int i = 0; i < 10'000; ++i) first.sample(i);
  std::string used = first.take();
  const char* const memory = used.data();
  SeriesWriter second;
  second.reserve(1, std::move(used));
  second.family(kGauge);
  second.sample(23);
  EXPECT_EQ(test::parse_exposition(second.text())->value("sonde_test_ratio"), 23);
  const std::string text = second.take();
  EXPECT_EQ(text.data(), memory);
  EXPECT_TRUE(text.ends_with("sonde_test_ratio 23\n")) << text.size();
}

}  // namespace
}  // namespace sonde::metrics
