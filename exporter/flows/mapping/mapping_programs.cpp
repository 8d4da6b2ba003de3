#include "exporter/flows/mapping/mapping_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "bpf/flow_mapping.skel.h"
#include "exporter/flows/address.h"
#include "exporter/flows/map_batches.h"

namespace sonde::exporter {
namespace {

template <class Key, class Value>
Result<std::vector<std::pair<Key, Value>>> read_entries(int map) {
  std::vector<std::pair<Key, Value>> entries;
  const auto read = read_hash(map, sizeof(Key), sizeof(Value), [&entries](const MapBatch& batch) {
    for (size_t i = 0; i < batch.count; ++i) {
      auto& [key, value] = entries.emplace_back();
      std::memcpy(&key, batch.keys.data() + i * sizeof(Key), sizeof(Key));
      std::memcpy(&value, batch.values.data() + i * sizeof(Value), sizeof(Value));
    }
  });
  if (!read) return tl::unexpected<Error>(read.error());
  return entries;
}

}  // namespace

MappingPrograms::MappingPrograms(std::unique_ptr<BpfObject> object)
    : object_(std::move(object)),
      from_underlay_(object_->program_descriptor("from_underlay")),
      to_underlay_(object_->program_descriptor("to_underlay")) {}

Result<std::unique_ptr<MappingPrograms>> MappingPrograms::load(BpfContext& context,
                                                               const MappingOptions& options) {
  auto object = BpfObject::load(
      context, {.topic = "flow_mapping",
                .open = open_skeleton<flow_mapping_bpf>([options](flow_mapping_bpf& skeleton) {
                  skeleton.rodata->settings.vxlan_port = options.vxlan_port;
                  skeleton.rodata->settings.geneve_port = options.geneve_port;
                  skeleton.rodata->settings.user_space_tunnels = options.user_space_tunnels ? 1 : 0;
                  bpf_map__set_max_entries(skeleton.maps.mappings, options.max_flows);
                  bpf_map__set_max_entries(skeleton.maps.tunnel_paths, options.max_paths);
                  bpf_map__set_max_entries(skeleton.maps.plain_paths, options.max_paths);
                }),
                .not_wanted = {},
                .needed = {"from_underlay", "to_underlay"}});
  if (!object) return tl::unexpected<Error>(object.error());
  return std::unique_ptr<MappingPrograms>(new MappingPrograms(std::move(*object)));
}

Result<MappingPrograms::Mappings> MappingPrograms::mappings() const {
  return read_entries<mapping_key, mapping_state>(object_->map_descriptor("mappings"));
}

Result<MappingPrograms::Paths> MappingPrograms::paths() const {
  auto all = read_entries<path_key, path_state>(map_of_paths(SONDE_TUNNEL_VXLAN));
  if (!all) return all;
  const auto plain = read_entries<path_key, path_state>(map_of_paths(SONDE_TUNNEL_NONE));
  if (!plain) return tl::unexpected<Error>(plain.error());
  all->insert(all->end(), plain->begin(), plain->end());
  return all;
}

int MappingPrograms::map_of_paths(uint8_t tunnel) const {
  return object_->map_descriptor(is_plain(tunnel) ? "plain_paths" : "tunnel_paths");
}

std::optional<path_state> MappingPrograms::take_path(const path_key& key) const {
  path_state state{};
  if (bpf_map_lookup_and_delete_elem(map_of_paths(key.tunnel), &key, &state) != 0) {
    return std::nullopt;
  }
  return state;
}

Result<void> MappingPrograms::set_own_address(const flow_address& address, bool own) const {
  const int map = object_->map_descriptor("own_addresses");
  const uint8_t unused = 1;
  if (!own) {
    bpf_map_delete_elem(map, &address);  // it may be gone already
  } else if (bpf_map_update_elem(map, &address, &unused, BPF_ANY) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("the address {} of the node has no room: {}",
                                                     address_text(address), std::strerror(errno)));
  }
  return {};
}

MappingPrograms::Counts MappingPrograms::counts() const {
  Counts sums{};
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return sums;
  std::vector<mapping_counts> all(static_cast<size_t>(cpus));
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(object_->map_descriptor("mapping_counts"), &zero, all.data()) != 0) return sums;
  for (const mapping_counts& one : all) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += one.counts[i];
  }
  return sums;
}

}  // namespace sonde::exporter
