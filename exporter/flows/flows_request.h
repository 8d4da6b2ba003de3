#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/http/message.h"
#include "common/result.h"

namespace sonde::exporter {

/// By what GET /flows sorts; the largest first.
enum class FlowOrder { kBytes, kRtt, kRetransmits, kAge };

/// What GET /flows asks for.
struct FlowsRequest {
  static constexpr size_t kMostFlows = 1000;

  std::optional<std::string> name_space{};
  std::optional<std::string> pod{};
  std::optional<std::string> container{};
  std::optional<std::string> service{};
  bool slow = false;  ///< only flows above their interface's threshold
  FlowOrder order = FlowOrder::kBytes;
  size_t limit = 100;
};

/// The parameters that GET /flows takes, explained.
std::vector<http::PageParameter> flows_parameters();

/// Reads the query string. Errors: kInvalid, naming the parameter, its value and the remedy.
Result<FlowsRequest> parse_flows_request(const http::Request& request);

}  // namespace sonde::exporter
