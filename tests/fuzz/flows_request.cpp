// The query string of /flows as "name=value" lines, and the text of --flows.networks: the first line says
// which.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/flows/flows_request.h"
#include "exporter/flows/named_networks.h"

namespace {

using namespace sonde;

void read_request(std::string_view text) {
  http::Request request;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    request.parameters.emplace(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
  }
  const auto parsed = exporter::parse_flows_request(request);
  if (parsed && (parsed->limit < 1 || parsed->limit > exporter::FlowsRequest::kMostFlows)) std::abort();
  if (!parsed && parsed.error().message.empty()) std::abort();
}

/// What is taken can be found again, and what is refused leaves nothing.
void read_networks(std::string_view text) {
  exporter::NamedNetworks networks;
  const auto added = networks.add(text);
  if (added ? networks.size() == 0 : networks.size() != 0) std::abort();
  if (!added) return;
  const size_t equals = text.find('=');
  const auto address = exporter::parse_address(text.substr(equals + 1, text.find('/', equals) - equals - 1));
  if (address && networks.find(*address) == nullptr) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  const bool networks = text.substr(0, end) == "networks";
  text.remove_prefix(std::min(end + 1, text.size()));
  networks ? read_networks(text) : read_request(text);
  return 0;
}
