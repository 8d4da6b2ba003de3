#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/detectors/change_rate_detector.h"
#include "analyzer/detectors/detector.h"
#include "analyzer/detectors/replica.h"
#include "analyzer/detectors/zscore.h"

namespace sonde::analyzer {

/// The options of all detectors, as the configuration sets them.
struct DetectorOptions {
  ZscoreOptions zscore;
  ReplicaOptions replica;
  ChangeRateDetectorOptions change_rate;
};

/// A detector that can be made.
struct DetectorRow {
  std::string_view name;
  std::string_view help;  ///< one sentence
  std::unique_ptr<Detector> (*make)(const DetectorOptions&);
};

/// All detectors, in the order in which they run.
std::span<const DetectorRow> detector_table();

/// One of each.
std::vector<std::unique_ptr<Detector>> make_detectors(const DetectorOptions& options);

}  // namespace sonde::analyzer
