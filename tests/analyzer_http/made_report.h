#pragma once

#include <cmath>
#include <memory>

#include "analyzer/report/report.h"

namespace sonde::analyzer {

inline constexpr int64_t kReportTime = 1'700'000'000'000;

inline Entity entity(const std::string& container, const std::string& service,
                     const std::string& name_space = "shop") {
  return {name_space, container, container, service};
}

inline Evidence cpu_evidence(double value) {
  Evidence evidence;
  evidence.quantity = "cpu_usage";
  evidence.series = "sonde_container_cpu_usage_seconds_total{container=\"api-2\"}";
  evidence.start_ms = kReportTime - 60'000;
  evidence.end_ms = kReportTime;
  evidence.value = value;
  evidence.expected = 0.04;
  evidence.deviation = 0.02;
  evidence.contribution = 0.9;
  evidence.unit = "cores";
  evidence.points = {0.04, NAN, 0.05, value};
  evidence.step_ms = 2000;
  return evidence;
}

/// What a classifier says where it is sure that api hogs the CPU.
inline FaultClasses sure_classes() {
  FaultClasses classes;
  classes.algorithm = "random_forest";
  classes.model = "/models/model-000007.sonde";
  classes.trained_ms = kReportTime - 86'400'000;
  classes.probabilities = {
      {"shop", "api", "cpu", 0.875}, {"", "", "heavy workload", 0.0625}, {"", "", "normal", 0.0625}};
  classes.most = classes.probabilities[0];
  return classes;
}

/// api-2 is the culprit; "cache" is a service of two namespaces; redis is quiet.
inline Report culprit_report() {
  Report report;
  report.time_ms = kReportTime;
  report.window_ms = 80'000;
  report.step_ms = 2000;
  report.services = {{"shop", "api", {entity("api-1", "api"), entity("api-2", "api")}},
                     {"shop", "cache", {entity("cache-1", "cache")}},
                     {"shop", "redis", {entity("redis", "redis")}},
                     {"test", "cache", {entity("cache-1", "cache", "test")}}};
  for (const char* name : {"api-1", "api-2", "redis"}) {
    Score& score = report.scores.emplace_back();
    score.detector = "zscore";
    score.entity = entity(name, name[0] == 'a' ? "api" : "redis");
    score.anomalous = std::string(name) == "api-2";
    score.value = score.anomalous ? 250 : 0.5;
    score.threshold = 4;
    score.evidence = {cpu_evidence(score.anomalous ? 1.02 : 0.041)};
  }
  Score& distance = report.scores.emplace_back(report.scores[1]);
  distance.detector = "replica_distance";
  Score& change = report.scores.emplace_back();
  change.detector = "change_rate";
  change.entity = {"shop", "", "", "api"};
  change.value = 0.01;
  change.threshold = NAN;
  change.inconclusive = true;
  change.reason = "too few services change to say what is usual: 1 of the 20 needed";
  Finding& finding = report.findings.emplace_back();
  finding.entity = entity("api-2", "api");
  finding.fault = "cpu_usage";
  finding.confidence = 0.8;
  finding.since_ms = kReportTime - 2000;
  finding.explanation = "cpu_usage of api-2 is 1.02 cores, expected 0.04";
  finding.evidence = {cpu_evidence(1.02)};
  finding.replicas = {cpu_evidence(0.041)};
  report.missing = {"mmap_calls: no series of sonde_container_mmap_calls_total"};
  return report;
}

inline ReportPointer share(Report report) {
  return std::make_shared<const Report>(std::move(report));
}

}  // namespace sonde::analyzer
