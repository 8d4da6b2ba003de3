#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// Process exhaustion: sleeping processes of our own in the target's cgroups, a set number or as many as its
/// limit (pids.max) allows.
std::unique_ptr<Fault> make_processes_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> processes_fault_metric_rows();

}  // namespace sonde::inject
