#include "analyzer/http_api/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace sonde::analyzer {
namespace {

using metrics::Labels;
using metrics::MetricRow;
using metrics::MetricType;
using metrics::SeriesWriter;

constexpr std::string_view kDetectorLabels = "namespace,pod,container,service,detector";

constexpr MetricRow kScore{"sonde_anomaly_score", MetricType::kGauge, "", kDetectorLabels,
                           "How unusual the container (or, with pod and container empty, the service) is to "
                           "the detector."};
constexpr MetricRow kThreshold{
    "sonde_anomaly_threshold", MetricType::kGauge, "", kDetectorLabels,
    "The score above which the detector calls it anomalous; absent while it cannot "
    "say."};
constexpr MetricRow kActive{"sonde_anomaly_active", MetricType::kGauge, "", kDetectorLabels,
                            "1 while the score is above its threshold, else 0; no debounce."};
constexpr MetricRow kReplicaDistance{
    "sonde_replica_distance", MetricType::kGauge, "", "namespace,pod,container,service,quantity",
    "Mean dynamic time warping distance to the service's other replicas over the last samples, in "
    "interquartile ranges of all of them."};
constexpr MetricRow kChangeRate{"sonde_service_change_rate", MetricType::kGauge, "", "namespace,service",
                                "Smoothed rate at which the service's containers come and go, per second."};
constexpr MetricRow kChangeThreshold{
    "sonde_service_change_rate_threshold", MetricType::kGauge, "", "",
    "The change rate above which a service is an outlier; absent where too few services change."};
constexpr MetricRow kCulprit{"sonde_culprit", MetricType::kGauge, "", "namespace,pod,container,service,fault",
                             "1 while the container is named as the cause, after the debounce; fault is the "
                             "quantity that moved most."};
constexpr MetricRow kFaultProbability{
    "sonde_service_fault_probability", MetricType::kGauge, "ratio", "namespace,service,fault",
    "How probable it is, to the classifier that was trained, that the service has the fault; with service "
    "empty, that "
    "fault is the state of all (normal, heavy workload). Absent where a feature is missing."};
constexpr MetricRow kFaultTold{
    "sonde_service_fault_told", MetricType::kGauge, "", "namespace,service,fault",
    "1 for the class that is told: probable enough, and the same as of the column before. Absent while the "
    "classifier abstains."};
constexpr MetricRow kModelTime{"sonde_classifier_model_timestamp_seconds", MetricType::kGauge, "seconds", "",
                               "Unix time at which the model in use was trained; absent without one."};
constexpr MetricRow kAbstentions{
    "sonde_classifier_abstentions_total", MetricType::kCounter, "", "reason",
    "Reports whose class the classifier did not tell: no_model, missing_feature, ambiguous_service, "
    "low_confidence, unsettled."};
constexpr MetricRow kFleetShift{"sonde_fleet_shift", MetricType::kGauge, "", "",
                                "1 while the traffic of most services moved together (a load change) and no "
                                "container is at fault."};
constexpr MetricRow kLoadRatio{"sonde_fleet_load_ratio", MetricType::kGauge, "ratio", "",
                               "Median over the services of their traffic now to their usual traffic."};
constexpr MetricRow kTickDuration{"sonde_analyzer_tick_duration_seconds", MetricType::kGauge, "seconds", "",
                                  "Time the last tick took: read, judge, publish."};
constexpr MetricRow kTicks{"sonde_analyzer_ticks_total", MetricType::kCounter, "", "",
                           "Ticks, those that failed and those that found nothing new too."};
constexpr MetricRow kTickFailures{"sonde_analyzer_tick_failures_total", MetricType::kCounter, "", "reason",
                                  "Ticks whose read failed; nothing of such a read is scored."};
constexpr MetricRow kReports{"sonde_analyzer_reports_total", MetricType::kCounter, "", "",
                             "Reports published: ticks that found a complete column."};
constexpr MetricRow kSeriesRead{"sonde_analyzer_series_read", MetricType::kGauge, "", "",
                                "Series read by the last tick that succeeded."};
constexpr MetricRow kSamplesRead{"sonde_analyzer_samples_read", MetricType::kGauge, "", "",
                                 "Samples read by the last tick that succeeded."};
constexpr MetricRow kLastSuccess{"sonde_analyzer_last_success_timestamp_seconds", MetricType::kGauge,
                                 "seconds", "", "Unix time of the last successful read; 0 before the first."};
constexpr MetricRow kReportAge{"sonde_analyzer_report_age_seconds", MetricType::kGauge, "seconds", "",
                               "Age of the data behind the last report; +Inf before the first. Past max_age "
                               "all results about containers and services are withdrawn."};
constexpr MetricRow kReload{
    "sonde_analyzer_config_last_reload_successful", MetricType::kGauge, "", "",
    "1 if the last load of the configuration succeeded; at 0 the one before is in use."};
constexpr MetricRow kReloadTime{"sonde_analyzer_config_last_reload_success_timestamp_seconds",
                                MetricType::kGauge, "seconds", "",
                                "Unix time of the last successful load of the configuration."};

constexpr MetricRow kRows[] = {
    kScore,       kThreshold,    kActive,    kReplicaDistance,  kChangeRate, kChangeThreshold,
    kCulprit,     kFleetShift,   kLoadRatio, kFaultProbability, kFaultTold,  kModelTime,
    kAbstentions, kTickDuration, kTicks,     kTickFailures,     kReports,    kSeriesRead,
    kSamplesRead, kLastSuccess,  kReportAge, kReload,           kReloadTime};

Labels entity_labels(const Entity& entity) {
  return {{"namespace", entity.name_space},
          {"pod", entity.pod},
          {"container", entity.container},
          {"service", entity.service}};
}

void write_scores(const Report& report, SeriesWriter& writer) {
  std::vector<std::pair<Labels, const Score*>> scores;
  for (const Score& score : report.scores) {
    if (std::isnan(score.value)) continue;
    Labels labels = entity_labels(score.entity);
    labels.add("detector", score.detector);
    scores.emplace_back(std::move(labels), &score);
  }
  writer.family(kScore);
  for (const auto& [labels, score] : scores) writer.sample(labels, score->value);
  writer.family(kThreshold);
  for (const auto& [labels, score] : scores) {
    if (!std::isnan(score->threshold)) writer.sample(labels, score->threshold);
  }
  writer.family(kActive);
  for (const auto& [labels, score] : scores) writer.sample(labels, score->anomalous ? 1 : 0);
}

void write_replica_distances(const Report& report, SeriesWriter& writer) {
  writer.family(kReplicaDistance);
  for (const Score& score : report.scores) {
    if (score.detector != "replica_distance") continue;
    const Labels labels = entity_labels(score.entity);
    for (const Evidence& evidence : score.evidence) {
      writer.sample(labels, Labels{{"quantity", evidence.quantity}}, evidence.value);
    }
  }
}

void write_change_rates(const Report& report, SeriesWriter& writer) {
  double threshold = std::numeric_limits<double>::quiet_NaN();
  writer.family(kChangeRate);
  for (const Score& score : report.scores) {
    if (score.detector != "change_rate") continue;
    writer.sample(Labels{{"namespace", score.entity.name_space}, {"service", score.entity.service}},
                  score.value);
    threshold = score.threshold;
  }
  if (std::isnan(threshold)) return;
  writer.family(kChangeThreshold);
  writer.sample(threshold);
}

void write_fault_classes(const FaultClasses& classes, SeriesWriter& writer) {
  writer.family(kFaultProbability);
  for (const ClassProbability& one : classes.probabilities) {
    writer.sample(Labels{{"namespace", one.name_space}, {"service", one.service}, {"fault", one.fault}},
                  one.probability);
  }
  if (classes.abstained == Abstention::kNone) {
    const ClassProbability& told = classes.most;
    writer.family(kFaultTold);
    writer.sample(Labels{{"namespace", told.name_space}, {"service", told.service}, {"fault", told.fault}},
                  1);
  }
  if (classes.model.empty()) return;
  writer.family(kModelTime);
  writer.sample(static_cast<double>(classes.trained_ms) / 1000);
}

void write_report(const Report& report, SeriesWriter& writer) {
  write_scores(report, writer);
  write_replica_distances(report, writer);
  write_change_rates(report, writer);
  writer.family(kCulprit);
  for (const Finding& finding : report.findings) {
    if (finding.inconclusive) continue;
    writer.sample(entity_labels(finding.entity), Labels{{"fault", finding.fault}}, 1);
  }
  writer.family(kFleetShift);
  writer.sample(report.fleet.shifted ? 1 : 0);
  writer.family(kLoadRatio);
  writer.sample(report.fleet.load_ratio);
  if (report.classes) write_fault_classes(*report.classes, writer);
}

void write_health(const ReportPointer& last, const Health& health, int64_t now_ms, SeriesWriter& writer) {
  const auto one = [&](const MetricRow& row, double value) {
    writer.family(row);
    writer.sample(value);
  };
  one(kTickDuration, health.last_tick_seconds);
  one(kTicks, static_cast<double>(health.ticks));
  writer.family(kTickFailures);
  for (const auto& [reason, count] : health.failures) {
    writer.sample(Labels{{"reason", reason}}, static_cast<double>(count));
  }
  writer.family(kAbstentions);
  for (const auto& [reason, count] : health.abstentions) {
    writer.sample(Labels{{"reason", reason}}, static_cast<double>(count));
  }
  one(kReports, static_cast<double>(health.reports));
  one(kSeriesRead, static_cast<double>(health.series_read));
  one(kSamplesRead, static_cast<double>(health.samples_read));
  one(kLastSuccess, health.last_success_seconds);
  one(kReportAge,
      last ? static_cast<double>(now_ms - last->time_ms) / 1000.0 : std::numeric_limits<double>::infinity());
  one(kReload, health.reload_successful ? 1 : 0);
  one(kReloadTime, health.reload_seconds);
}

}  // namespace

std::span<const MetricRow> analyzer_metric_rows() {
  return kRows;
}

void write_metrics(const ReportPointer& fresh, const ReportPointer& last, const Health& health,
                   int64_t now_ms, SeriesWriter& writer) {
  if (fresh) write_report(*fresh, writer);
  write_health(last, health, now_ms, writer);
}

}  // namespace sonde::analyzer
