#include "inject/workload/rate_curve.h"

#include <charconv>
#include <cmath>
#include <numbers>

#include "common/duration.h"

namespace sonde::inject {
namespace {

constexpr double kLargestFactor = 1000;

bool read_step(std::string_view text, RateCurve::Step& step) {
  const size_t star = text.find('*');
  if (star == std::string_view::npos) return false;
  const auto duration = parse_duration(text.substr(0, star));
  const std::string_view factor = text.substr(star + 1);
  const auto [end, error] = std::from_chars(factor.data(), factor.data() + factor.size(), step.factor);
  if (!duration || duration->count() == 0 || error != std::errc() || end != factor.data() + factor.size()) {
    return false;
  }
  step.duration = *duration;
  return step.factor > 0 && step.factor <= kLargestFactor;
}

}  // namespace

Result<RateCurve> RateCurve::parse_steps(std::string_view text) {
  RateCurve curve;
  while (true) {
    const size_t comma = text.find(',');
    Step step;
    if (!read_step(text.substr(0, comma), step)) {
      return fail(ErrorCode::kInvalid, "write durations and factors up to 1000, as in 30s*1,10s*2.5");
    }
    curve.steps_.push_back(step);
    curve.period_ += step.duration;
    if (comma == std::string_view::npos) return curve;
    text.remove_prefix(comma + 1);
  }
}

RateCurve RateCurve::daily(std::chrono::milliseconds day, double swing) {
  RateCurve curve;
  curve.period_ = day;
  curve.swing_ = swing;
  return curve;
}

double RateCurve::factor_at(std::chrono::milliseconds since_start) const {
  if (period_.count() == 0) return 1;
  auto within = since_start % period_;
  for (const Step& step : steps_) {
    if (within < step.duration) return step.factor;
    within -= step.duration;
  }
  const double turns = static_cast<double>(within.count()) / static_cast<double>(period_.count());
  return 1 + swing_ * std::sin(2 * std::numbers::pi * turns);
}

}  // namespace sonde::inject
