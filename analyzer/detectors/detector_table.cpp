#include "analyzer/detectors/detector_table.h"

namespace sonde::analyzer {
namespace {

constexpr DetectorRow kRows[] = {
    {ZscoreDetector::kName, "mean squared z-score of a container against its own past",
     [](const DetectorOptions& options) -> std::unique_ptr<Detector> {
       return std::make_unique<ZscoreDetector>(options.zscore);
     }},
    {ReplicaDetector::kName, "DTW distance of a container to the other replicas of its service",
     [](const DetectorOptions& options) -> std::unique_ptr<Detector> {
       return std::make_unique<ReplicaDetector>(options.replica);
     }},
    {ChangeRateDetector::kName, "how often a service's set of containers changes",
     [](const DetectorOptions& options) -> std::unique_ptr<Detector> {
       return std::make_unique<ChangeRateDetector>(options.change_rate);
     }},
};

}  // namespace

std::span<const DetectorRow> detector_table() {
  return kRows;
}

std::vector<std::unique_ptr<Detector>> make_detectors(const DetectorOptions& options) {
  std::vector<std::unique_ptr<Detector>> made;
  for (const DetectorRow& row : detector_table()) made.push_back(row.make(options));
  return made;
}

}  // namespace sonde::analyzer
