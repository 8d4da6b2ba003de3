#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analyzer/detectors/service_features.h"
#include "analyzer/evaluation/labelled_table.h"
#include "analyzer/training/fault_timeline.h"

namespace sonde::analyzer {

/// Labelled rows, and what became of those that are none.
struct Dataset {
  LabelledTable table;            ///< its groups: the number of each row's injection or pause, from 0
  std::vector<int64_t> times_ms;  ///< one a row
  std::map<LeftOut, size_t> left_out;
  bool knows_faults = true;            ///< false: there was no series of sonde-inject
  std::vector<std::string> dropped;    ///< features that too few rows have
  std::vector<std::string> ambiguous;  ///< services that several namespaces have
};

/// Collects the columns of a window, and labels them once the whole timeline is known.
///
/// Threads: one.
class DatasetBuilder {
 public:
  /// A row whose values were made of what happened in (from_ms, time_ms].
  void add(int64_t time_ms, int64_t from_ms, const ServiceFeatures& features);

  /// Sorts out the rows that are no example of anything (LeftOut). A feature that less than `presence` of the
  /// other rows have is dropped, so that what came and went does not cost all of them; then rows that lack
  /// one of the rest are left out. `name_space`: that the rows are of, "" for all. Empties the builder.
  Dataset finish(const FaultTimeline& timeline, int64_t settle_ms, double presence,
                 std::string_view name_space = "");

 private:
  struct Row {
    int64_t time_ms = 0;
    int64_t from_ms = 0;
    std::vector<double> values;  ///< by places_, as far as they were known then
  };

  std::map<std::string, size_t, std::less<>> places_;  ///< of each feature in a row
  std::vector<Row> rows_;
  std::vector<std::string> ambiguous_;
};

}  // namespace sonde::analyzer
