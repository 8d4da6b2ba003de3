#include "analyzer/http_api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "analyzer/report/report_store.h"
#include "common/metrics/build_info_metric.h"
#include "tests/analyzer_http/made_report.h"
#include "tests/support/exposition.h"

namespace sonde::analyzer {
namespace {

using testing::IsEmpty;

std::string page(const ReportPointer& fresh, const ReportPointer& last) {
  metrics::SeriesWriter writer;
  Health health;
  health.failures = {{"timeout", 3}};
  health.abstentions = {{"low_confidence", 2}};
  write_metrics(fresh, last, health, kReportTime + 2500, writer);
  metrics::write_program_metrics("sonde-analyzer", writer);
  return writer.take();
}

test::Exposition exposition(const ReportPointer& fresh, const ReportPointer& last) {
  Result<test::Exposition> read = test::parse_exposition(page(fresh, last));
  EXPECT_TRUE(read) << read.error().message;
  return read ? *read : test::Exposition{};
}

TEST(AnalyzerMetrics, CarryScoresDistancesAndTheCulprit) {
  const ReportPointer report = share(culprit_report());
  const test::Exposition metrics = exposition(report, report);
  const std::map<std::string, std::string> api2 = {
      {"namespace", "shop"}, {"pod", "api-2"}, {"container", "api-2"}, {"service", "api"}};
  auto zscore = api2;
  zscore["detector"] = "zscore";
  EXPECT_EQ(metrics.value("sonde_anomaly_score", zscore), 250);
  EXPECT_EQ(metrics.value("sonde_anomaly_threshold", zscore), 4);
  EXPECT_EQ(metrics.value("sonde_anomaly_active", zscore), 1);
  EXPECT_EQ(metrics.value("sonde_replica_distance", {{"container", "api-2"}, {"quantity", "cpu_usage"}}),
            1.02);
  auto culprit = api2;
  culprit["fault"] = "cpu_usage";
  EXPECT_EQ(metrics.value("sonde_culprit", culprit), 1);
  EXPECT_EQ(metrics.find("sonde_culprit").size(), 1U);
  EXPECT_EQ(metrics.value("sonde_fleet_shift"), 0);
  EXPECT_EQ(metrics.value("sonde_service_change_rate", {{"namespace", "shop"}, {"service", "api"}}), 0.01);
  EXPECT_THAT(metrics.find("sonde_service_change_rate_threshold"), IsEmpty());
}

TEST(AnalyzerMetrics, CarryTheProbabilityOfEachClassWhereAClassifierIsConfigured) {
  EXPECT_THAT(exposition(share(culprit_report()), nullptr).find("sonde_service_fault_probability"),
              IsEmpty());
  Report report = culprit_report();
  report.classes = sure_classes();
  const test::Exposition metrics = exposition(share(report), nullptr);
  EXPECT_EQ(metrics.value("sonde_service_fault_probability",
                          {{"namespace", "shop"}, {"service", "api"}, {"fault", "cpu"}}),
            0.875);
  EXPECT_EQ(metrics.value("sonde_service_fault_probability", {{"service", ""}, {"fault", "normal"}}), 0.0625);
  EXPECT_EQ(metrics.value("sonde_service_fault_told",
                          {{"namespace", "shop"}, {"service", "api"}, {"fault", "cpu"}}),
            1);
  report.classes->abstained = Abstention::kUnsettled;
  EXPECT_THAT(exposition(share(report), nullptr).find("sonde_service_fault_told"), IsEmpty());
  EXPECT_EQ(metrics.value("sonde_classifier_model_timestamp_seconds"), (kReportTime - 86'400'000) / 1000);
  EXPECT_EQ(metrics.value("sonde_classifier_abstentions_total", {{"reason", "low_confidence"}}), 2);
}

TEST(AnalyzerMetrics, TellTheirOwnHealth) {
  const ReportPointer report = share(culprit_report());
  const test::Exposition metrics = exposition(report, report);
  EXPECT_EQ(metrics.value("sonde_analyzer_report_age_seconds"), 2.5);
  EXPECT_EQ(metrics.value("sonde_analyzer_tick_failures_total", {{"reason", "timeout"}}), 3);
}

TEST(AnalyzerMetrics, OfAReportThatIsTooOldOnlyAgeAndHealthStay) {
  const ReportPointer report = share(culprit_report());
  EXPECT_EQ(fresh_report(report, kReportTime + 10'000, 10'000), report);
  EXPECT_EQ(fresh_report(report, kReportTime + 10'001, 10'000), nullptr);
  for (const test::Sample& sample : exposition(nullptr, report).samples) {
    EXPECT_TRUE(sample.name.starts_with("sonde_analyzer_") ||
                sample.name == "sonde_classifier_abstentions_total" || sample.name.starts_with("process_") ||
                sample.name == "sonde_build_info")
        << sample.name;
  }
}

TEST(AnalyzerMetrics, AnInconclusiveFindingIsNoCulprit) {
  Report report = culprit_report();
  report.findings[0].inconclusive = true;
  const ReportPointer shared = share(report);
  EXPECT_THAT(exposition(shared, shared).find("sonde_culprit"), IsEmpty());
}

TEST(AnalyzerMetrics, NoSeriesStandsTwice) {
  const ReportPointer report = share(culprit_report());
  EXPECT_THAT(test::duplicate_series(page(report, report)), IsEmpty());
}

TEST(AnalyzerMetrics, EveryFamilyWrittenHasItsRowInTheTable) {
  Report full = culprit_report();
  full.scores.back().threshold = 0.5;
  full.classes = sure_classes();
  const ReportPointer report = share(full);
  std::set<std::string> rows;
  for (const metrics::MetricRow& row : analyzer_metric_rows()) rows.emplace(row.name);
  std::set<std::string> written;
  for (const auto& [family, type] : exposition(report, report).types) {
    if (family.starts_with("sonde_") && family != "sonde_build_info") written.insert(family);
  }
  EXPECT_EQ(written, rows);
}

TEST(AnalyzerMetrics, AreCleanToPromtool) {
  Report full = culprit_report();
  full.classes = sure_classes();
  const ReportPointer report = share(full);
  const std::string file = testing::TempDir() + "/analyzer_metrics_" + std::to_string(::getpid());
  std::ofstream(file) << page(report, report);
  FILE* pipe = ::popen(("promtool check metrics 2>&1 < " + file).c_str(), "r");
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  const int status = ::pclose(pipe);
  std::filesystem::remove(file);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  EXPECT_EQ(output, "");
}

}  // namespace
}  // namespace sonde::analyzer
