#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// Disk pressure: a process of our own in the target's cgroups that reads and writes a nameless file at a set
/// rate.
std::unique_ptr<Fault> make_disk_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> disk_fault_metric_rows();

}  // namespace sonde::inject
