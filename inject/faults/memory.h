#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// A memory leak: a process of our own in the target's cgroups that takes memory at a set rate up to a
/// ceiling and holds it. Killed for want of memory it starts over, as a container that leaks and is restarted
/// does.
std::unique_ptr<Fault> make_memory_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> memory_fault_metric_rows();

}  // namespace sonde::inject
