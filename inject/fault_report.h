#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "identity/container_name.h"

namespace sonde::inject {

/// What an injector that a campaign started says of its fault, one line of JSON an event.
struct FaultReport {
  enum class Event { kPlaced, kProven, kMeasured, kEnded, kLeft };

  Event event = Event::kPlaced;  ///< kLeft: it could not be undone
  double seconds = 0;            ///< since the Unix epoch; of kProven: when the fault began to act
  identity::ContainerName name;
  std::string fault;
  std::string summary;                                   ///< of kProven and kMeasured: asked against measured
  std::vector<std::pair<std::string, double>> readings;  ///< of the same: metric and value

  friend bool operator==(const FaultReport&, const FaultReport&) = default;
};

/// Without a line end in it.
std::string format_report(const FaultReport& report);

/// Errors: kInvalid, with what is missing.
Result<FaultReport> parse_report(std::string_view line);

}  // namespace sonde::inject
