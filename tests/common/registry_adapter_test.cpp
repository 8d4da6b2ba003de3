#include "common/metrics/registry_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <cmath>

#include "tests/support/exposition.h"

namespace sonde::metrics {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;

std::string text_of(const prometheus::Collectable& source) {
  SeriesWriter writer;
  write_collectable(source, writer);
  return writer.take();
}

TEST(RegistryAdapter, WritesCountersAndGauges) {
  prometheus::Registry registry;
  auto& family = prometheus::BuildCounter().Name("sonde_ticks_total").Help("Ticks.").Register(registry);
  family.Add({{"kind", "a\"b"}}).Increment(3);
  prometheus::BuildGauge().Name("sonde_age_seconds").Help("Age.").Register(registry).Add({}).Set(0.1);
  EXPECT_EQ(text_of(registry),
            "# HELP sonde_age_seconds Age.\n# TYPE sonde_age_seconds gauge\nsonde_age_seconds 0.1\n"
            "# HELP sonde_ticks_total Ticks.\n# TYPE sonde_ticks_total counter\n"
            "sonde_ticks_total{kind=\"a\\\"b\"} 3\n");
}

TEST(RegistryAdapter, HistogramBucketsStayCumulative) {
  prometheus::Registry registry;
  auto& histogram = prometheus::BuildHistogram()
                        .Name("sonde_tick_seconds")
                        .Help("Time.")
                        .Register(registry)
                        .Add({}, prometheus::Histogram::BucketBoundaries{0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.Observe(value);
  EXPECT_THAT(text_of(registry), EndsWith("sonde_tick_seconds_bucket{le=\"0.1\"} 2\n"
                                          "sonde_tick_seconds_bucket{le=\"1\"} 3\n"
                                          "sonde_tick_seconds_bucket{le=\"+Inf\"} 4\n"
                                          "sonde_tick_seconds_sum 7.65\n"
                                          "sonde_tick_seconds_count 4\n"));
}

TEST(RegistryAdapter, SummariesHaveQuantiles) {
  prometheus::Registry registry;
  auto& summary = prometheus::BuildSummary()
                      .Name("sonde_read_bytes")
                      .Help("Bytes.")
                      .Register(registry)
                      .Add({}, prometheus::Summary::Quantiles{{0.5, 0.01}});
  for (int i = 0; i < 3; ++i) summary.Observe(2);
  EXPECT_THAT(
      text_of(registry),
      EndsWith("sonde_read_bytes{quantile=\"0.5\"} 2\nsonde_read_bytes_sum 6\nsonde_read_bytes_count 3\n"));
}

TEST(RegistryAdapter, ValuesKeepAllTheirDigits) {
  prometheus::Registry registry;
  auto& gauge = prometheus::BuildGauge().Name("g").Help("G.").Register(registry).Add({});
  gauge.Set(0.1 + 0.2);
  EXPECT_THAT(text_of(registry), EndsWith("g 0.30000000000000004\n"));
  gauge.Set(std::nan(""));
  EXPECT_THAT(text_of(registry), EndsWith("g NaN\n"));
}

/// Families as no well-behaved registry gives them.
struct Given : prometheus::Collectable {
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override { return families; }
  std::vector<prometheus::MetricFamily> families;
};

prometheus::ClientMetric labelled(const std::string& value) {
  prometheus::ClientMetric metric;
  metric.label = {{"a", value}};
  metric.untyped.value = 5;
  metric.timestamp_ms = 1234;
  return metric;
}

TEST(RegistryAdapter, FamiliesOfOneNameAreWrittenAsOne) {
  Given given;
  given.families = {{"u", "First.", prometheus::MetricType::Untyped, {labelled("1")}},
                    {"t", "Between.", prometheus::MetricType::Untyped, {labelled("1")}},
                    {"u", "Second.", prometheus::MetricType::Untyped, {labelled("2")}},
                    {"u", "Another type.", prometheus::MetricType::Gauge, {labelled("3")}}};
  EXPECT_EQ(text_of(given),
            "# HELP t Between.\n# TYPE t untyped\nt{a=\"1\"} 5\n"
            "# HELP u First.\n# TYPE u untyped\nu{a=\"1\"} 5\nu{a=\"2\"} 5\n");
}

TEST(RegistryAdapter, AHistogramWhoseBucketsFallIsStillMonotone) {
  Given given;
  prometheus::ClientMetric metric;
  metric.histogram = {2, 1.5, {{5, 1}, {3, 2}, {2, HUGE_VAL}}};
  given.families = {{"h", "H.", prometheus::MetricType::Histogram, {metric}}};
  EXPECT_THAT(text_of(given), EndsWith("h_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 5\nh_bucket{le=\"+Inf\"} 5\n"
                                       "h_sum 1.5\nh_count 5\n"));
}

TEST(RegistryAdapter, AFamilyWithoutMetricsIsNotWritten) {
  prometheus::Registry registry;
  prometheus::BuildCounter().Name("unused_total").Help("Unused.").Register(registry);
  EXPECT_EQ(text_of(registry), "");
  EXPECT_THAT(test::duplicate_series(text_of(registry)), IsEmpty());
}

}  // namespace
}  // namespace sonde::metrics
