#pragma once

#include <string>
#include <vector>

#include "analyzer/detectors/service_features.h"
#include "analyzer/models/model_store.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

struct FaultClassOptions {
  std::string algorithm = "svm";  ///< a name of classifier_kinds()
  double confidence = 0.5;        ///< of the most probable class; below it nothing is said
  std::string name_space;         ///< services of this one only; "": of every one
};

/// Why a model can tell no column of an analyzer with those quantities and that algorithm, in words that go
/// on after its name: it has not learnt with the algorithm, or from a quantity that is none here. "": it may.
std::string foreign_shape(const Model& model, const std::string& algorithm,
                          const std::vector<std::string>& quantities);

/// Names the class of a column with what was learnt from columns of known faults: `normal`, `heavy workload`,
/// or a service and its fault. Abstains, and says why, rather than guess (docs/detectors.md, "fault class").
///
/// Cost: that of the classifier's row, and a look-up for each feature.
FaultClasses classify_faults(const StoredModel& stored, const ServiceFeatures& features,
                             const FaultClassOptions& options);

/// Abstains where the column before was of another class, or could not be told: the values of the column in
/// which a fault begins or ends are half of one state and half of another, and look like a third.
void require_settled(FaultClasses& classes, const FaultClasses& before);

}  // namespace sonde::analyzer
