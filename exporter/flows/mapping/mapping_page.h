#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/http/message.h"
#include "common/result.h"
#include "exporter/flows/mapping/mapping_programs.h"
#include "exporter/flows/mapping/pod_addresses.h"
#include "exporter/flows/mapping/translation_table.h"

namespace sonde::exporter {

/// What GET /mappings is asked for.
struct MappingQuery {
  enum class Order { kBytes, kRtt, kLast };
  std::optional<std::string> name_space{};  ///< of the pod, at either end
  std::optional<std::string> pod{};         ///< the same
  std::optional<flow_address> address{};    ///< of the flow's ends, inside or outside
  std::optional<flow_address> outer{};      ///< either address of the outer header
  std::optional<std::string> tunnel{};      ///< by tunnel_word()
  Order order = Order::kBytes;
  size_t limit = 100;
};

/// Errors: kInvalid, naming the parameter, its value and what is allowed.
Result<MappingQuery> parse_mapping_query(const http::Request& request);

/// What the page is made from, besides the mappings.
struct MappingNames {
  std::shared_ptr<const PodAddresses> pods = std::make_shared<const PodAddresses>();
  std::map<uint32_t, std::string> interfaces{};  ///< names by index
};

/// The answer of GET /mappings (JSON). `now_ns`: CLOCK_MONOTONIC. Cost: about 20 µs a flow that is listed.
std::string mapping_page(const MappingPrograms::Mappings& mappings, const TranslationTable& translations,
                         const MappingNames& names, const MappingQuery& query, uint64_t now_ns);

}  // namespace sonde::exporter
