#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// The container stands still: its cgroup is frozen.
std::unique_ptr<Fault> make_pause_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> pause_fault_metric_rows();

/// Thaws the cgroup. One that is gone, or that was thawed before, is success; another that was made at its
/// path is left alone. Errors: kUnavailable where it cannot be seen or thawed.
Result<void> undo_pause_fault(const FaultState& state);

}  // namespace sonde::inject
