#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// A CPU hog: a process of our own in the target's cgroups that burns a settable number of cores.
std::unique_ptr<Fault> make_cpu_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> cpu_fault_metric_rows();

}  // namespace sonde::inject
