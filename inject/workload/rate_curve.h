#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace sonde::inject {

/// A workload's rate over time, as a factor of its base rate.
class RateCurve {
 public:
  struct Step {
    std::chrono::milliseconds duration{0};
    double factor = 1;
  };

  /// 1 at all times.
  RateCurve() = default;
  /// "30s*1,10s*2.5": one factor after the other, from the start again at the end. Errors: kInvalid, one line
  /// with the remedy, without the value.
  static Result<RateCurve> parse_steps(std::string_view text);
  /// A sine of period `day` between 1 − swing and 1 + swing that begins at 1 and rises.
  /// Range: day > 0, 0 <= swing < 1.
  static RateCurve daily(std::chrono::milliseconds day, double swing);

  [[nodiscard]] double factor_at(std::chrono::milliseconds since_start) const;

 private:
  std::vector<Step> steps_;
  std::chrono::milliseconds period_{0};
  double swing_ = 0;
};

}  // namespace sonde::inject
