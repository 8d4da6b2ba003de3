#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's own
class App;
}

namespace sonde::inject {

/// The labels of every fault's metrics.
inline constexpr std::string_view kFaultLabels = "namespace,pod,container,service,fault";

/// What says less than this about an effect proves nothing. Two CFS periods: a CPU limit works over one.
inline constexpr std::chrono::milliseconds kShortestProof(200);
/// At a level below this the effect is too small to be told from chance.
inline constexpr double kProvableLevel = 0.1;

/// Reads a finite number, the whole text being one.
std::optional<double> parse_number(const std::string& text);

/// Reads a whole number from 1 to `most`. Errors: kInvalid with the flag, the value and the remedy.
Result<uint64_t> read_count(std::string_view flag, const std::string& text, uint64_t most);

/// Reads a size of at least one byte. Errors: kInvalid with the flag, the value and the remedy.
Result<uint64_t> read_size(std::string_view flag, const std::string& text);

/// `--min-effect`: the share of what was asked for that must be measured for the fault to count as active.
class MinEffect {
 public:
  /// `asked`: of what it is a share, for the help.
  void add_to(CLI::App& app, std::string_view asked);
  /// Errors: kInvalid.
  Result<void> check();
  [[nodiscard]] double value() const { return value_; }

 private:
  std::string text_ = "0.5";
  double value_ = 0;
};

}  // namespace sonde::inject
