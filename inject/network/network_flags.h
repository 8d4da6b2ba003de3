#pragma once

#include <optional>
#include <string>

#include "common/result.h"
#include "inject/faults/fault_flags.h"

namespace sonde::inject {

/// Flags of every fault of the network.
class NetworkFlags {
 public:
  /// `asked`: the flag that says what is asked for, of which --min-effect is a share.
  void add_to(CLI::App& app, const std::string& asked);
  /// Errors: kInvalid.
  Result<void> check();

  [[nodiscard]] const std::string& interface_name() const { return interface_name_; }
  [[nodiscard]] const std::string& probe_address() const { return probe_address_; }
  /// The share of what was asked for that must be measured for the fault to count as active.
  [[nodiscard]] double min_effect() const { return min_effect_.value(); }

 private:
  std::string interface_name_;
  std::string probe_address_;
  MinEffect min_effect_;
};

/// Reads a number within bounds. Errors: kInvalid with flag, value and bounds.
Result<double> read_number(const std::string& flag, const std::string& text, double least, double most);

}  // namespace sonde::inject
