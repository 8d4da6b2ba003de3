#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// What the container sends leaves at no more than a rate.
std::unique_ptr<Fault> make_bandwidth_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> bandwidth_fault_metric_rows();

}  // namespace sonde::inject
