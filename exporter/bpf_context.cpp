#include "exporter/bpf_context.h"

#include <bpf/btf.h>
#include <linux/capability.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <span>

#include "exporter/bpf_program.h"
#include "exporter/process_capabilities.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;

constexpr std::string_view kHookTypePrefix = "btf_trace_";

/// Whether the process holds CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, which stands for both.
bool may_load_programs() {
  return has_capability(CAP_SYS_ADMIN) || (has_capability(CAP_BPF) && has_capability(CAP_PERFMON));
}

/// The number of a BTF tracepoint's own arguments: its prototype has an untyped pointer in front of them.
int argument_count(const btf* types, const btf_type* definition) {
  const btf_type* pointer = btf__type_by_id(types, definition->type);
  if (pointer == nullptr || !btf_is_ptr(pointer)) return 0;
  const btf_type* prototype = btf__type_by_id(types, pointer->type);
  if (prototype == nullptr || !btf_is_func_proto(prototype)) return 0;
  return std::max(0, btf_vlen(prototype) - 1);
}

bool has_member(const btf* types, const char* structure, std::string_view member) {
  const int id = btf__find_by_name_kind(types, structure, BTF_KIND_STRUCT);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(id));
  const std::span members(btf_members(type), btf_vlen(type));
  return std::any_of(members.begin(), members.end(), [&](const btf_member& candidate) {
    return btf__name_by_offset(types, candidate.name_off) == member;
  });
}

/// Whether PROCFS/self/cgroup lists a controller in a v1 hierarchy ("4:memory:/x"); the v2 line names none.
bool on_v1(const std::string& procfs, std::string_view controller) {
  std::ifstream file(procfs + "/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (names.find("," + std::string(controller) + ",") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

BpfContext::BpfContext(BpfOptions options, CapabilityTable& capabilities)
    : options_(std::move(options)), capabilities_(capabilities) {
  find_hierarchies();
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    usable_reason_ = CapabilityReason::kNoBtf;
  } else if (!may_load_programs()) {
    usable_reason_ = CapabilityReason::kMissingCapability;
  } else {
    find_hooks();
  }
}

void BpfContext::find_hierarchies() {
  if (options_.task_hierarchy) {
    task_hierarchy_ = *options_.task_hierarchy;
  } else {
    // Every runtime makes a memory cgroup; the others serve kernels that boot without that controller.
    for (const Hierarchy candidate :
         {Hierarchy::kMemory, Hierarchy::kCpu, Hierarchy::kCpuacct, Hierarchy::kPids}) {
      if (!on_v1(options_.procfs, identity::hierarchy_name(candidate))) continue;
      task_hierarchy_ = candidate;
      break;
    }
  }
  if (on_v1(options_.procfs, "blkio")) io_hierarchy_ = Hierarchy::kBlkio;
}

void BpfContext::find_hooks() {
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), &btf__free);
  if (!types) {
    usable_reason_ = CapabilityReason::kNoBtf;
    return;
  }
  if (has_member(types.get(), "sched_info", "run_delay")) hooks_.emplace(kSchedInfo, 0);
  const auto count = btf__type_cnt(types.get());
  for (uint32_t id = 1; id < count; ++id) {
    const btf_type* type = btf__type_by_id(types.get(), id);
    if (!btf_is_typedef(type)) continue;
    std::string_view name = btf__name_by_offset(types.get(), type->name_off);
    if (!name.starts_with(kHookTypePrefix)) continue;
    name.remove_prefix(kHookTypePrefix.size());
    hooks_.emplace(name, argument_count(types.get(), type));
  }
}

Result<void> BpfContext::usable() const {
  switch (usable_reason_) {
    case CapabilityReason::kAvailable:
      return {};
    case CapabilityReason::kNoBtf:
      return fail(ErrorCode::kUnsupported,
                  "the kernel has no readable /sys/kernel/btf/vmlinux; BPF counters need a kernel built with "
                  "CONFIG_DEBUG_INFO_BTF=y, the cgroup collectors work without");
    default:
      return fail(
          ErrorCode::kPermission,
          "BPF counters need the capabilities CAP_BPF and CAP_PERFMON (or root); the cgroup collectors "
          "work without");
  }
}

CapabilityReason BpfContext::hook_reason(std::string_view tracepoint) const {
  if (std::find(options_.disabled_hooks.begin(), options_.disabled_hooks.end(), tracepoint) !=
      options_.disabled_hooks.end()) {
    return CapabilityReason::kDisabled;
  }
  return hooks_.contains(tracepoint) ? CapabilityReason::kAvailable : CapabilityReason::kNoHook;
}

int BpfContext::hook_arguments(std::string_view tracepoint) const {
  const auto found = hooks_.find(tracepoint);
  return found == hooks_.end() ? 0 : found->second;
}

void BpfContext::add(const BpfObject& object) {
  const std::lock_guard lock(mutex_);
  objects_.push_back(&object);
}

void BpfContext::remove(const BpfObject& object) {
  const std::lock_guard lock(mutex_);
  std::erase(objects_, &object);
}

void BpfContext::for_each_object(const std::function<void(const BpfObject&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const BpfObject* object : objects_) visit(*object);
}

}  // namespace sonde::exporter
