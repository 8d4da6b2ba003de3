#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bpf/flow_mapping.h"
#include "common/result.h"
#include "exporter/bpf_program.h"
#include "exporter/flows/mapping/mapping_options.h"

namespace sonde::exporter {

/// Whether paths of this kind (enum mapping_tunnel) have no tunnel.
constexpr bool is_plain(uint8_t tunnel) {
  return tunnel == SONDE_TUNNEL_NONE || tunnel == SONDE_TUNNEL_NAT;
}

/// The programs and maps of bpf/flow_mapping.bpf.c, loaded; attaching them is another's. Threads: safe.
class MappingPrograms {
 public:
  using Mappings = std::vector<std::pair<mapping_key, mapping_state>>;
  using Paths = std::vector<std::pair<path_key, path_state>>;
  using Counts = std::array<uint64_t, SONDE_MAPPING_COUNTS>;

  /// Errors: as BpfObject::load().
  static Result<std::unique_ptr<MappingPrograms>> load(BpfContext& context, const MappingOptions& options);

  [[nodiscard]] int from_underlay() const { return from_underlay_; }
  [[nodiscard]] int to_underlay() const { return to_underlay_; }

  /// Errors: as read_hash().
  [[nodiscard]] Result<Mappings> mappings() const;
  /// Of both maps.
  [[nodiscard]] Result<Paths> paths() const;
  /// Deletes a path and gives what it held at last; nothing if it was gone.
  [[nodiscard]] std::optional<path_state> take_path(const path_key& key) const;
  /// Says of an address whether it is the node's own: only between such ones are tunnels of this node.
  /// Errors: kUnavailable, there is no room for more.
  [[nodiscard]] Result<void> set_own_address(const flow_address& address, bool own) const;
  /// Sums over the CPUs, by enum mapping_count.
  [[nodiscard]] Counts counts() const;

 private:
  explicit MappingPrograms(std::unique_ptr<BpfObject> object);
  [[nodiscard]] int map_of_paths(uint8_t tunnel) const;

  std::unique_ptr<BpfObject> object_;
  int from_underlay_ = -1;
  int to_underlay_ = -1;
};

}  // namespace sonde::exporter
