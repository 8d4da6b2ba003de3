#include "analyzer/pipeline/analysis.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sonde::analyzer {

Analysis::Analysis(const AnalysisOptions& options, std::shared_ptr<const MetricMapper> mapper)
    : options_(options),
      mapper_(std::move(mapper)),
      window_(*mapper_, options.step_ms, options.frame_columns),
      detectors_(make_detectors(options.detectors)),
      diagnosis_(options.diagnosis) {}

std::optional<Report> Analysis::advance(int64_t now_ms, int64_t until_ms) {
  std::optional<Report> report;
  while (const std::optional<int64_t> column = window_.complete_column(now_ms)) {
    const int64_t time_ms = window_.time_ms(*column);
    if (time_ms > until_ms) break;
    window_.advance(*column);
    const WindowFrames& frames = window_.frames();
    const DetectorInput input{frames.entities, frames.containers, frames.service_entities,
                              frames.services, mapper_->traits(), time_ms};
    std::vector<Score> scores;
    for (const auto& detector : detectors_) {
      std::ranges::move(detector->evaluate(input), std::back_inserter(scores));
    }
    Verdict verdict = diagnosis_.judge(input, scores);
    report = report_of(time_ms, std::move(scores), std::move(verdict));
  }
  // A column's class depends on it and the one before: only that of the last is asked for.
  if (report && options_.model) report->classes = fault_classes();
  return report;
}

FaultClasses Analysis::fault_classes() const {
  const WindowFrames& frames = window_.frames();
  const auto classify = [&](size_t back) {
    return classify_faults(
        *options_.model,
        service_features(frames.entities, frames.containers, options_.fault_class.name_space, back),
        options_.fault_class);
  };
  FaultClasses classes = classify(0);
  require_settled(classes, classify(1));
  return classes;
}

Report Analysis::report_of(int64_t time_ms, std::vector<Score> scores, Verdict verdict) const {
  Report report;
  report.time_ms = time_ms;
  report.step_ms = options_.step_ms;
  report.window_ms = options_.step_ms * static_cast<int64_t>(options_.frame_columns);
  report.scores = std::move(scores);
  report.findings = std::move(verdict.findings);
  report.fleet = std::move(verdict.fleet);
  std::map<std::pair<std::string, std::string>, std::vector<Entity>> services;
  for (const Entity& entity : window_.frames().entities) {
    services[{entity.name_space, entity.service}].push_back(entity);
  }
  for (auto& [key, containers] : services) {
    report.services.push_back({key.first, key.second, std::move(containers)});
  }
  const std::vector<bool> present = window_.quantities_present();
  for (size_t q = 0; q < present.size(); ++q) {
    const MetricMapper::Quantity& quantity = mapper_->quantities()[q];
    if (!present[q]) report.missing.push_back(quantity.name + ": no series of " + quantity.entry.select);
  }
  return report;
}

}  // namespace sonde::analyzer
