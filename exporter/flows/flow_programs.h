#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "bpf/flow_rtt.h"
#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/bpf_program.h"

namespace sonde::exporter {

/// The programs of one network namespace; both return "go on with the next". -1: none.
struct FlowProgramDescriptors {
  int from_container = -1;  ///< for what containers send: ingress of the host's end of a veth pair
  int to_container = -1;    ///< for what they receive
};

struct FlowProgramOptions {
  uint32_t max_flows = 16384;  ///< connections remembered at one time; kernel memory: 480 bytes each
  uint32_t max_pairs = 4096;  ///< interface and remote address; kernel memory: 1.3 kB each and 48 bytes a CPU
  uint32_t alerts_per_second = 10;                  ///< of all flows together
  std::chrono::milliseconds alert_interval{10000};  ///< at least, between two alerts of one flow
  /// At least, between two RTT samples of one direction of a flow; longer by up to the kernel's tick. 0:
  /// none.
  std::chrono::milliseconds probe_interval{1};
  std::chrono::milliseconds baseline_time{60000};  ///< in which a flow's new RTT becomes its usual one
};

/// bpf/flow_rtt in the kernel: one pair of programs per network namespace, one set of maps for all.
/// Threads: safe.
class FlowPrograms {
 public:
  /// Loads the programs of the exporter's own network namespace. Sets the capability "flow_rtt".
  /// Errors: as BpfObject::load(). `context` outlives it.
  static Result<std::unique_ptr<FlowPrograms>> load(BpfContext& context, const FlowProgramOptions& options);

  /// The programs for the interfaces of one network namespace (flow_key.space), loaded at the first call.
  /// They stay loaded until forget(). Cost: some 100 ms at a first call. Errors: as load().
  Result<FlowProgramDescriptors> programs(uint32_t space);
  /// Unloads those of a network namespace that is gone; what is attached stays until it is detached.
  void forget(uint32_t space);

  /// A map's descriptor, by its name in bpf/flow_rtt.bpf.c.
  [[nodiscard]] int map(const char* name) const { return own_->map_descriptor(name); }
  [[nodiscard]] const FlowProgramOptions& options() const { return options_; }

  /// What the programs did, by enum flow_count, summed over the CPUs. Errors: the map could not be read.
  [[nodiscard]] Result<flow_counts> counts() const;
  /// Connections in the table, counted in the kernel; `ends_interval`: what they carry from here on is that
  /// of the next flow_interval. Errors: the program could not be run.
  [[nodiscard]] Result<uint64_t> mark_flows(bool ends_interval) const;
  /// Packets and pairs that could not be counted, by enum sonde_error.
  [[nodiscard]] std::vector<uint64_t> errors() const { return own_->errors(); }

  /// From when on a flow of an interface is slow; replaces an earlier one. Errors: kLimit: too many.
  Result<void> set_threshold(const flow_interface_key& interface, const flow_threshold& threshold);
  /// Those that there are, by space and interface.
  [[nodiscard]] std::map<std::pair<uint32_t, uint32_t>, flow_threshold> thresholds() const;
  /// Nothing where there is none.
  void remove_threshold(const flow_interface_key& interface);

 private:
  FlowPrograms(BpfContext& context, const FlowProgramOptions& options);
  Result<std::unique_ptr<BpfObject>> load_object(uint32_t space);

  BpfContext& context_;
  FlowProgramOptions options_;
  std::unique_ptr<BpfObject> own_;  ///< space 0; the maps are its
  std::mutex mutex_;                ///< guards others_
  std::map<uint32_t, std::unique_ptr<BpfObject>> others_;
};

}  // namespace sonde::exporter
