#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// The container's main process is killed again and again: where something restarts it, a crash loop.
std::unique_ptr<Fault> make_kill_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> kill_fault_metric_rows();

/// Nothing is to be undone: who was killed is restarted by whoever started it, or not.
Result<void> undo_kill_fault(const FaultState& state);

}  // namespace sonde::inject
