// Prometheus's own checker reads what the writer writes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "common/metrics/build_info_metric.h"
#include "common/metrics/registry_adapter.h"
#include "common/metrics/series_writer.h"

namespace sonde::metrics {
namespace {

struct Verdict {
  int exit_code = -1;
  std::string output;
};

/// Runs `promtool check metrics` with the text as its input.
Verdict promtool(std::string_view text) {
  char name[] = "/tmp/sonde_promtool_XXXXXX";
  const int file = ::mkstemp(name);
  EXPECT_EQ(::write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(file);
  Verdict verdict;
  FILE* pipe = ::popen((std::string("promtool check metrics 2>&1 < ") + name).c_str(), "r");
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) verdict.output.append(buffer, n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) verdict.exit_code = WEXITSTATUS(status);
  ::unlink(name);
  return verdict;
}

constexpr MetricRow kGauge{"sonde_test_ratio", MetricType::kGauge, "ratio", "name", "Values of all kinds."};
constexpr MetricRow kSeconds{"sonde_test_duration_seconds", MetricType::kHistogram, "seconds", "name",
                             "Durations."};

TEST(Promtool, AcceptsEveryKindOfValueAndLabel) {
  SeriesWriter writer;
  write_program_metrics("sonde-test", writer);
  writer.family(kGauge);
  const std::vector<double> values = {0,        -0.0,      5e-324,       1.7e308,
                                      HUGE_VAL, -HUGE_VAL, std::nan(""), 9007199254740993.0};
  for (size_t i = 0; i < values.size(); ++i) writer.sample({{"name", std::to_string(i)}}, values[i]);
  writer.sample({{"name", "\"\\\n{},=\xff\xc0 \t"}}, 1);
  writer.sample({{"name", std::string(10240, '"')}}, 1);
  writer.family(kSeconds);
  const std::vector<double> bounds = {1e-9, 0.5};
  writer.histogram({{"name", "a"}}, bounds, std::vector<uint64_t>{1, 2, 3}, 9);
  const Verdict verdict = promtool(writer.text());
  EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
  EXPECT_EQ(verdict.output, "");
}

TEST(Promtool, AcceptsWhatTheRegistryAdapterWrites) {
  prometheus::Registry registry;
  auto& counter = prometheus::BuildCounter().Name("sonde_events_total").Help("Events.").Register(registry);
  counter.Add({{"reason", "a \"quoted\" one"}}).Increment();
  prometheus::BuildHistogram()
      .Name("sonde_wait_seconds")
      .Help("Waits.")
      .Register(registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{0.1, 1})
      .Observe(0.5);
  SeriesWriter writer;
  write_collectable(registry, writer);
  const Verdict verdict = promtool(writer.text());
  EXPECT_EQ(verdict.exit_code, 0) << verdict.output;
}

TEST(Promtool, RefusesABrokenPageSoThatTheseTestsCanFail) {
  EXPECT_NE(promtool("sonde_x{a=\"b} 1\n").exit_code, 0);
}

}  // namespace
}  // namespace sonde::metrics
