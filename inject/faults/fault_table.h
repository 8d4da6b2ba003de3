#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "inject/fault.h"

namespace sonde::inject {

/// One fault that can be injected: its subcommand, and how to make and to undo it.
struct FaultRow {
  std::string_view name;  ///< subcommand and value of the label `fault`
  std::string_view help;
  std::unique_ptr<Fault> (*make)();
  /// Takes the fault back, from any process, as often as one likes. Errors: what is left and why.
  Result<void> (*undo)(const FaultState& state);
  /// What it publishes of itself, beside what every fault does (fault_publication.h).
  std::span<const metrics::MetricRow> (*metric_rows)();
};

/// All faults. A new one is a file in inject/faults/ and a row here.
std::span<const FaultRow> fault_table();

/// The row of that name; nullptr where there is none.
const FaultRow* find_fault(std::string_view name);

}  // namespace sonde::inject
