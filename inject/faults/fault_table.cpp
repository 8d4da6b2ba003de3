#include "inject/faults/fault_table.h"

#include <algorithm>
#include <array>

#include "inject/faults/cpu.h"

namespace sonde::inject {
namespace {

constexpr std::array kFaults = {
    FaultRow{"cpu", "A process in the container's cgroup that burns CPU time", make_cpu_fault, undo_cpu_fault,
             cpu_fault_metric_rows},
};

}  // namespace

std::span<const FaultRow> fault_table() {
  return kFaults;
}

const FaultRow* find_fault(std::string_view name) {
  const auto* row = std::ranges::find(kFaults, name, &FaultRow::name);
  return row == kFaults.end() ? nullptr : row;
}

}  // namespace sonde::inject
