#include "analyzer/report/report.h"

namespace sonde::analyzer {

std::string_view abstention_name(Abstention why) {
  switch (why) {
    case Abstention::kNone:
      return "";
    case Abstention::kNoModel:
      return "no_model";
    case Abstention::kMissingFeature:
      return "missing_feature";
    case Abstention::kAmbiguousService:
      return "ambiguous_service";
    case Abstention::kLowConfidence:
      return "low_confidence";
    case Abstention::kUnsettled:
      return "unsettled";
  }
  return "";
}

}  // namespace sonde::analyzer
