#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analyzer/report/report.h"
#include "analyzer/series/frame.h"

namespace sonde::analyzer {

/// What a classifier sees of one column: a number for each service and quantity.
struct ServiceFeatures {
  /// `SERVICE_QUANTITY` → the sum over the service's containers; a gap where one of them had no value, since
  /// a sum without it would look like a drop. A quantity that none of them has is not there.
  std::map<std::string, double, std::less<>> values;
  std::map<std::string, std::string, std::less<>> name_spaces;  ///< service → its namespace
  std::vector<std::string> ambiguous;  ///< services that several namespaces have: a name for two
};

/// Reads the newest column, or the one `back` before it, of the frames of containers (DetectorInput says how
/// they are laid out). Only services of `name_space`; "": of every one. Containers without a service are
/// nobody's.
ServiceFeatures service_features(const std::vector<Entity>& entities,
                                 const std::map<std::string, Frame>& containers,
                                 const std::string& name_space, size_t back = 0);

}  // namespace sonde::analyzer
