#include "exporter/flows/mapping/mapping_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstring>

#include "bpf/flow_mapping.skel.h"
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
                  bpf_map__set_max_entries(skeleton.maps.mappings, options.max_flows);
                  bpf_map__set_max_entries(skeleton.maps.paths, options.max_paths);
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
  return read_entries<path_key, path_state>(object_->map_descriptor("paths"));
}

std::optional<path_state> MappingPrograms::take_path(const path_key& key) const {
  path_state state{};
  if (bpf_map_lookup_and_delete_elem(object_->map_descriptor("paths"), &key, &state) != 0) {
    return std::nullopt;
  }
  return state;
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
