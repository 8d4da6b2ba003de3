#pragma once

#include <string>

#include "analyzer/detectors/service_features.h"
#include "analyzer/models/model_store.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

struct FaultClassOptions {
  std::string algorithm = "random_forest";  ///< a name of classifier_kinds()
  double confidence = 0.6;                  ///< of the most probable class; below it nothing is said
  std::string name_space;                   ///< services of this one only; "": of every one
};

/// Names the class of a column with what was learnt from columns of known faults: `normal`, `heavy workload`,
/// or a service and its fault. Abstains, and says why, rather than guess (docs/detectors.md, "fault class").
///
/// Cost: that of the classifier's row, and a look-up for each feature.
FaultClasses classify_faults(const StoredModel& stored, const ServiceFeatures& features,
                             const FaultClassOptions& options);

}  // namespace sonde::analyzer
