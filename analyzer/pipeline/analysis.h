#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "analyzer/detectors/detector_table.h"
#include "analyzer/detectors/fault_class.h"
#include "analyzer/diagnosis/diagnosis.h"
#include "analyzer/models/model_store.h"
#include "analyzer/pipeline/metric_mapper.h"
#include "analyzer/pipeline/series_window.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

struct AnalysisOptions {
  int64_t step_ms = 15'000;
  /// Columns that detectors and charts see at once.
  size_t frame_columns = 40;
  DetectorOptions detectors;
  DiagnosisOptions diagnosis;
  FaultClassOptions fault_class;
  std::shared_ptr<const StoredModel> model;  ///< null: no column is told by a classifier
};

/// Everything between samples and a report, without clock and I/O: the same samples give the same report,
/// whether they came tick by tick or as one window read back later.
///
/// Threads: one.
class Analysis {
 public:
  Analysis(const AnalysisOptions& options, std::shared_ptr<const MetricMapper> mapper);

  /// Takes one series of a read that succeeded as a whole.
  void ingest(const LabelSet& labels, std::span<const Sample> samples) { window_.ingest(labels, samples); }

  /// Judges, in order, every complete column whose time is at most `until_ms`; the report is on the last one.
  /// Nothing if no column was complete.
  std::optional<Report> advance(int64_t now_ms, int64_t until_ms);

  /// Tells columns by this model from now on.
  void use_model(std::shared_ptr<const StoredModel> model) { options_.model = std::move(model); }

  /// When the next column can be complete at the earliest; 0 while nothing is known.
  [[nodiscard]] int64_t next_due_ms() const { return window_.next_due_ms(); }
  /// Time of the newest sample known; 0 while there is none.
  [[nodiscard]] int64_t newest_ms() const { return window_.newest_ms(); }
  [[nodiscard]] const MetricMapper& mapper() const { return *mapper_; }

 private:
  [[nodiscard]] FaultClasses fault_classes() const;
  [[nodiscard]] Report report_of(int64_t time_ms, std::vector<Score> scores, Verdict verdict) const;

  AnalysisOptions options_;
  std::shared_ptr<const MetricMapper> mapper_;
  SeriesWindow window_;
  std::vector<std::unique_ptr<Detector>> detectors_;
  Diagnosis diagnosis_;
};

}  // namespace sonde::analyzer
