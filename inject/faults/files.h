#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// Exhaustion of file descriptors: the limit of open files of each of the container's processes is lowered to
/// what it has open.
std::unique_ptr<Fault> make_files_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> files_fault_metric_rows();

/// Gives the limits back that the state names, to those who have the lowered one still and to their
/// descendants in the cgroup. Errors: kPermission; the others' are given back then all the same.
Result<void> undo_files_fault(const FaultState& state);

}  // namespace sonde::inject
