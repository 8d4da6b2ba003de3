#pragma once

#include <memory>
#include <span>

#include "inject/fault.h"

namespace sonde::inject {

/// What the container receives, or sends, is late by a time, with or without jitter.
std::unique_ptr<Fault> make_latency_fault();

/// What it publishes of itself, for the documentation.
std::span<const metrics::MetricRow> latency_fault_metric_rows();

}  // namespace sonde::inject
