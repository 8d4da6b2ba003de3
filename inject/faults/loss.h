#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// A share of the packets that the container sends is lost, at random.
std::unique_ptr<Fault> make_loss_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> loss_fault_metric_rows();

}  // namespace sonde::inject
