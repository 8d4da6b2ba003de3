#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "analyzer/pipeline/metric_mapper.h"
#include "analyzer/source/source.h"
#include "analyzer/training/dataset.h"
#include "common/result.h"

namespace sonde::analyzer {

struct DatasetOptions {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  int64_t step_ms = 15'000;
  int64_t settle_ms = 10'000;   ///< after the end of a fault
  double presence = 0.9;        ///< share of the rows that must have a feature
  std::string name_space;       ///< services of this one only; "": of every one
  int64_t part_ms = 3'600'000;  ///< what one read of the source asks for
};

/// Reads the window, an hour at a time, and lays it out exactly as the running analyzer sees it: the columns
/// (SeriesWindow) and features (service_features) of a row are those that a classifier is asked about later.
///
/// Errors: those of the source; kInvalid where a service is in two namespaces; kNotFound where no row is
/// left, with what became of them.
Result<Dataset> build_dataset(Source& source, const MetricMapper& mapper, const DatasetOptions& options);

/// What is in a data set, for people: rows of each label, rows left out by reason, features dropped.
/// `asks_for_faults`: says what to look for where no injector is known; false where quiet is what is asked
/// for.
std::string dataset_summary(const Dataset& dataset, bool asks_for_faults = true);

}  // namespace sonde::analyzer
