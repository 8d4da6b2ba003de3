#include "exporter/flows/flow_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "bpf/flow_rtt.skel.h"
#include "exporter/flows/map_batches.h"

namespace sonde::exporter {
namespace {

constexpr const char* kTopic = "flow_rtt";
constexpr const char* kFromContainer = "from_container";
constexpr const char* kToContainer = "to_container";
constexpr const char* kMarkFlows = "mark_flows";

uint64_t nanoseconds(std::chrono::milliseconds time) {
  return static_cast<uint64_t>(std::chrono::nanoseconds(time).count());
}

/// Sets the sizes of the maps that options decide.
void set_sizes(flow_rtt_bpf& skeleton, const FlowProgramOptions& options) {
  bpf_map__set_max_entries(skeleton.maps.flows, options.max_flows);
  const auto& maps = skeleton.maps;
  for (bpf_map* map : {maps.pairs, maps.free_pairs, maps.generations, maps.pair_traffic, maps.pair_samples}) {
    bpf_map__set_max_entries(map, SONDE_PAIR_SLOTS(options.max_pairs));
  }
}

/// Lets a further object use the maps of the first, all but its read-only data.
void share_maps(flow_rtt_bpf& skeleton, const BpfObject& first) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton.obj) {
    const int descriptor = bpf_map__is_internal(map) ? -1 : first.map_descriptor(bpf_map__name(map));
    if (descriptor >= 0) (void)bpf_map__reuse_fd(map, descriptor);
  }
}

FlowProgramDescriptors descriptors_of(const BpfObject& object) {
  return {object.program_descriptor(kFromContainer), object.program_descriptor(kToContainer)};
}

}  // namespace

FlowPrograms::FlowPrograms(BpfContext& context, const FlowProgramOptions& options)
    : context_(context), options_(options) {}

Result<std::unique_ptr<FlowPrograms>> FlowPrograms::load(BpfContext& context,
                                                         const FlowProgramOptions& options) {
  std::unique_ptr<FlowPrograms> programs(new FlowPrograms(context, options));
  auto object = programs->load_object(0);
  if (!object) return tl::unexpected<Error>(object.error());
  programs->own_ = std::move(*object);
  context.capabilities().set(kTopic, CapabilityReason::kAvailable);
  return programs;
}

Result<std::unique_ptr<BpfObject>> FlowPrograms::load_object(uint32_t space) {
  return BpfObject::load(
      context_, {.topic = kTopic,
                 .open = open_skeleton<flow_rtt_bpf>([this, space](flow_rtt_bpf& skeleton) {
                   skeleton.rodata->settings = {.space = space,
                                                .max_pairs = options_.max_pairs,
                                                .alerts_per_second = options_.alerts_per_second,
                                                .reserved = 0,
                                                .alert_interval_ns = nanoseconds(options_.alert_interval),
                                                .baseline_ns = nanoseconds(options_.baseline_time),
                                                .probe_interval_ns = nanoseconds(options_.probe_interval)};
                   set_sizes(skeleton, options_);
                   if (own_) share_maps(skeleton, *own_);
                 }),
                 .not_wanted = {},
                 .needed = {kFromContainer, kToContainer, kMarkFlows},
                 .announced = own_ == nullptr});
}

Result<FlowProgramDescriptors> FlowPrograms::programs(uint32_t space) {
  if (space == 0) return descriptors_of(*own_);
  const std::lock_guard lock(mutex_);
  const auto found = others_.find(space);
  if (found != others_.end()) return descriptors_of(*found->second);
  auto object = load_object(space);
  if (!object) return tl::unexpected<Error>(object.error());
  return descriptors_of(*others_.emplace(space, std::move(*object)).first->second);
}

void FlowPrograms::forget(uint32_t space) {
  const std::lock_guard lock(mutex_);
  others_.erase(space);
}

Result<flow_counts> FlowPrograms::counts() const {
  std::vector<flow_counts> of_cpus(static_cast<size_t>(std::max(1, libbpf_num_possible_cpus())));
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(map("flow_counts"), &zero, of_cpus.data()) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("reading flow_counts: {}", std::strerror(errno)));
  }
  flow_counts sum{};
  for (const flow_counts& one : of_cpus) {
    for (size_t i = 0; i < SONDE_FLOW_COUNTS; ++i) sum.counts[i] += one.counts[i];
  }
  return sum;
}

Result<uint64_t> FlowPrograms::mark_flows(bool ends_interval) const {
  uint32_t context = ends_interval ? 1 : 0;
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.ctx_in = &context;
  run.ctx_size_in = sizeof context;
  if (bpf_prog_test_run_opts(own_->program_descriptor(kMarkFlows), &run) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("counting flows: {}", std::strerror(errno)));
  }
  return run.retval;
}

Result<void> FlowPrograms::set_threshold(const flow_interface_key& interface,
                                         const flow_threshold& threshold) {
  if (bpf_map_update_elem(map("thresholds"), &interface, &threshold, BPF_ANY) == 0) return {};
  return fail(errno == E2BIG ? ErrorCode::kLimit : ErrorCode::kUnavailable,
              fmt::format("threshold of interface {}: {}", interface.interface, std::strerror(errno)));
}

std::map<std::pair<uint32_t, uint32_t>, flow_threshold> FlowPrograms::thresholds() const {
  std::map<std::pair<uint32_t, uint32_t>, flow_threshold> all;
  (void)read_hash(map("thresholds"), sizeof(flow_interface_key), sizeof(flow_threshold),
                  [&all](const MapBatch& batch) {
                    for (size_t i = 0; i < batch.count; ++i) {
                      flow_interface_key key;
                      std::memcpy(&key, batch.keys.data() + i * sizeof key, sizeof key);
                      std::memcpy(&all[{key.space, key.interface}],
                                  batch.values.data() + i * sizeof(flow_threshold), sizeof(flow_threshold));
                    }
                  });
  return all;
}

void FlowPrograms::remove_threshold(const flow_interface_key& interface) {
  (void)bpf_map_delete_elem(map("thresholds"), &interface);
}

}  // namespace sonde::exporter
