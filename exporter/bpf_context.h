#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "exporter/capability.h"
#include "exporter/container_table.h"
#include "exporter/container_totals.h"
#include "identity/hierarchy.h"

namespace sonde::exporter {

class BpfObject;

struct BpfOptions {
  std::string procfs = "/proc";
  /// Whether what belongs to no container is exported, as the row whose four labels are "".
  bool host_row = true;
  RowRetention retention{};
  /// Cgroups with counts at one time, per topic; past it, events of new ones are counted as lost.
  /// Cost: kernel memory of this × CPUs × a value, of which the largest has 112 bytes.
  uint32_t max_cgroups = 4096;
  /// Tracepoints to do without, as if the kernel had none ("page_fault_user"): --bpf.disable-hook.
  std::vector<std::string> disabled_hooks{};
  /// The hierarchy whose cgroups own a task's events; nothing: memory's on v1, else v2.
  std::optional<identity::Hierarchy> task_hierarchy{};
};

/// What the BPF collectors share: options, what the kernel offers, the objects loaded so far.
/// Owner: the program's main; it outlives every collector made with it. Threads: safe after construction.
class BpfContext {
 public:
  /// Looks at the kernel; loads nothing. `capabilities` outlives the context.
  BpfContext(BpfOptions options, CapabilityTable& capabilities);
  BpfContext(const BpfContext&) = delete;
  BpfContext& operator=(const BpfContext&) = delete;

  [[nodiscard]] const BpfOptions& options() const { return options_; }
  CapabilityTable& capabilities() { return capabilities_; }

  /// The hierarchy whose cgroups own a task's events, and the one whose cgroups own block I/O.
  [[nodiscard]] identity::Hierarchy task_hierarchy() const { return task_hierarchy_; }
  [[nodiscard]] identity::Hierarchy io_hierarchy() const { return io_hierarchy_; }

  /// Whether this process may load programs at all. Errors: what is missing, with the remedy.
  [[nodiscard]] Result<void> usable() const;
  /// The capability reason of usable()'s error.
  [[nodiscard]] CapabilityReason usable_reason() const { return usable_reason_; }

  /// Whether the kernel has a tracepoint that BTF programs can attach to, and no option forbids it.
  [[nodiscard]] bool has_hook(std::string_view tracepoint) const {
    return hook_reason(tracepoint) == CapabilityReason::kAvailable;
  }
  /// kAvailable; or kNoHook, kDisabled: why there is none.
  [[nodiscard]] CapabilityReason hook_reason(std::string_view tracepoint) const;
  /// How many arguments the tracepoint passes; 0 where there is none.
  [[nodiscard]] int hook_arguments(std::string_view tracepoint) const;

  /// kAvailable if the kernel keeps account of how long tasks wait for a CPU (CONFIG_SCHED_INFO); kNoHook if
  /// not; kDisabled if --bpf.disable-hook=sched_info takes it away.
  [[nodiscard]] CapabilityReason sched_info_reason() const { return hook_reason(kSchedInfo); }

  /// Objects announce themselves while they are loaded; for_each_object() holds off their removal.
  void add(const BpfObject& object);
  void remove(const BpfObject& object);
  void for_each_object(const std::function<void(const BpfObject&)>& visit) const;

 private:
  static constexpr std::string_view kSchedInfo = "sched_info";

  void find_hierarchies();
  void find_hooks();

  BpfOptions options_;
  CapabilityTable& capabilities_;
  identity::Hierarchy task_hierarchy_ = identity::Hierarchy::kUnified;
  identity::Hierarchy io_hierarchy_ = identity::Hierarchy::kUnified;
  CapabilityReason usable_reason_ = CapabilityReason::kAvailable;
  std::map<std::string, int, std::less<>> hooks_;  ///< tracepoint to number of arguments
  mutable std::mutex mutex_;                       ///< guards objects_
  std::vector<const BpfObject*> objects_;
};

}  // namespace sonde::exporter
