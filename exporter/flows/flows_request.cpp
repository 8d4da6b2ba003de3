#include "exporter/flows/flows_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace sonde::exporter {
namespace {

constexpr size_t kLongestShown = 80;

struct Parameter {
  const char* name;
  const char* meaning;
};
constexpr Parameter kParameters[] = {
    {"namespace", "only flows of pods of this namespace"},
    {"pod", "only flows of this pod"},
    {"container", "only flows of the pod that has this container"},
    {"service", "only flows of this service's pods"},
    {"slow", "1: only flows whose RTT is above the threshold of --flows.trigger.absolute or .relative"},
    {"sort", "bytes (default), rtt, retransmits or age: the largest first"},
    {"limit", "how many flows at most, 1 to 1000; without it 100"},
};

struct Order {
  std::string_view word;
  FlowOrder order;
};
constexpr Order kOrders[] = {{"bytes", FlowOrder::kBytes},
                             {"rtt", FlowOrder::kRtt},
                             {"retransmits", FlowOrder::kRetransmits},
                             {"age", FlowOrder::kAge}};

tl::unexpected<Error> refuse(std::string_view name, std::string_view value, std::string_view why) {
  return fail(ErrorCode::kInvalid, fmt::format("{}={}: {}", name, value.substr(0, kLongestShown), why));
}

/// "namespace, pod, …"
std::string names() {
  std::string all;
  for (const Parameter& parameter : kParameters)
    all += (all.empty() ? "" : ", ") + std::string(parameter.name);
  return all;
}

Result<void> take(FlowsRequest& request, std::string_view name, const std::string& value) {
  if (name == "namespace") request.name_space = value;
  if (name == "pod") request.pod = value;
  if (name == "container") request.container = value;
  if (name == "service") request.service = value;
  if (name == "slow") {
    if (value != "1" && value != "0") return refuse(name, value, "give 1, or leave it out");
    request.slow = value == "1";
  }
  if (name == "sort") {
    const auto* const found = std::ranges::find(kOrders, value, &Order::word);
    if (found == std::end(kOrders)) return refuse(name, value, "give bytes, rtt, retransmits or age");
    request.order = found->order;
  }
  if (name == "limit") {
    const char* const end = value.data() + value.size();
    const auto [parsed_to, error] = std::from_chars(value.data(), end, request.limit);
    const bool good = error == std::errc() && parsed_to == end && request.limit >= 1;
    if (!good || request.limit > FlowsRequest::kMostFlows) {
      return refuse(name, value, fmt::format("give a number from 1 to {}", FlowsRequest::kMostFlows));
    }
  }
  return {};
}

}  // namespace

std::vector<http::PageParameter> flows_parameters() {
  std::vector<http::PageParameter> all;
  for (const Parameter& parameter : kParameters) all.push_back({parameter.name, parameter.meaning});
  return all;
}

Result<FlowsRequest> parse_flows_request(const http::Request& request) {
  FlowsRequest parsed;
  for (const auto& [name, value] : request.parameters) {
    if (std::ranges::find(kParameters, name, &Parameter::name) == std::end(kParameters)) {
      return refuse(name, value, "no such parameter; there are: " + names());
    }
    if (request.parameters.count(name) > 1) return refuse(name, value, "give it once");
    if (auto taken = take(parsed, name, value); !taken) return tl::unexpected(taken.error());
  }
  return parsed;
}

}  // namespace sonde::exporter
