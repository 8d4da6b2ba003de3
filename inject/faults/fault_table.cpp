#include "inject/faults/fault_table.h"

#include <algorithm>
#include <array>

#include "inject/faults/bandwidth.h"
#include "inject/faults/cpu.h"
#include "inject/faults/disk.h"
#include "inject/faults/files.h"
#include "inject/faults/injected_process.h"
#include "inject/faults/kill.h"
#include "inject/faults/latency.h"
#include "inject/faults/loss.h"
#include "inject/faults/memory.h"
#include "inject/faults/network_fault.h"
#include "inject/faults/pause.h"
#include "inject/faults/processes.h"

namespace sonde::inject {
namespace {

constexpr std::array kFaults = {
    FaultRow{"cpu", "A process in the container's cgroup that burns CPU time", make_cpu_fault,
             end_injected_processes, cpu_fault_metric_rows},
    FaultRow{"memory", "A process in the container's cgroup that leaks memory", make_memory_fault,
             end_injected_processes, memory_fault_metric_rows},
    FaultRow{"disk", "A process in the container's cgroup that reads and writes its disk", make_disk_fault,
             end_injected_processes, disk_fault_metric_rows},
    FaultRow{"files", "No more files can be opened by the container's processes", make_files_fault,
             undo_files_fault, files_fault_metric_rows},
    FaultRow{"processes", "Processes in the container's cgroup that use up its limit", make_processes_fault,
             end_injected_processes, processes_fault_metric_rows},
    FaultRow{"pause", "The container stands still, frozen by the kernel", make_pause_fault, undo_pause_fault,
             pause_fault_metric_rows},
    FaultRow{"kill", "The container's main process is killed again and again", make_kill_fault,
             undo_kill_fault, kill_fault_metric_rows},
    FaultRow{"loss", "A share of the packets that the container sends is lost", make_loss_fault,
             undo_network_fault, loss_fault_metric_rows},
    FaultRow{"latency", "The container's packets of one direction are late", make_latency_fault,
             undo_network_fault, latency_fault_metric_rows},
    FaultRow{"bandwidth", "What the container sends leaves at no more than a rate", make_bandwidth_fault,
             undo_network_fault, bandwidth_fault_metric_rows},
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
