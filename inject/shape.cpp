#include "inject/shape.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "common/duration.h"
#include "inject/faults/fault_flags.h"

namespace sonde::inject {
namespace {

constexpr Shape::Time kRampStep(100);
constexpr Shape::Time kShortestPeriod(1000);

Result<Shape::Time> read_time(std::string_view flag, const std::string& text, Shape::Time least) {
  const auto time = parse_duration(text);
  if (time && *time >= least && *time <= std::chrono::hours(24)) return *time;
  return fail(ErrorCode::kInvalid, fmt::format("{}={}: give a duration from {} to 24h, such as 30s", flag,
                                               text, duration_text(least)));
}

}  // namespace

void Shape::Flags::add_to(CLI::App& app) {
  app.add_option(
         "--shape", shape,
         "constant; ramp: grows from nothing to all of it; flapping: goes and comes back again and again")
      ->type_name("SHAPE")
      ->capture_default_str();
  app.add_option("--ramp", ramp, "How long a ramp takes; all of --duration unless given")
      ->type_name("DURATION");
  app.add_option("--period", period, "Of flapping: time from one coming to the next")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--on-share", on_share, "Of flapping: the part of each period in which the fault is there")
      ->type_name("RATIO")
      ->capture_default_str();
}

Result<Shape> Shape::read(const Flags& flags, Time duration, Levels levels) {
  Shape shape;
  if (flags.shape == "constant") return shape;
  const bool ramp = flags.shape == "ramp";
  if (!ramp && flags.shape != "flapping") {
    return fail(ErrorCode::kInvalid, fmt::format("--shape={}: use constant, ramp or flapping", flags.shape));
  }
  if (levels == Levels::kOne || (ramp && levels == Levels::kOnOff)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("--shape={}: this fault is there or not; use constant{}", flags.shape,
                            levels == Levels::kOnOff ? " or flapping" : ""));
  }
  if (ramp) {
    const auto time =
        flags.ramp.empty() ? Result<Time>(duration) : read_time("--ramp", flags.ramp, kRampStep);
    if (!time) return tl::unexpected(time.error());
    shape.kind_ = Kind::kRamp;
    shape.ramp_ = *time;
    return shape;
  }
  const auto period = read_time("--period", flags.period, kShortestPeriod);
  if (!period) return tl::unexpected(period.error());
  const auto share = parse_number(flags.on_share);
  if (!share || *share < 0.1 || *share > 0.9) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--on-share={}: give a number from 0.1 to 0.9", flags.on_share));
  }
  shape.kind_ = Kind::kFlapping;
  shape.period_ = *period;
  shape.on_ = Time(static_cast<int64_t>(*share * static_cast<double>(period->count())));
  return shape;
}

double Shape::level(Time since_start) const {
  switch (kind_) {
    case Kind::kConstant:
      return 1;
    case Kind::kRamp:
      return std::min(1.0, static_cast<double>(since_start.count()) / static_cast<double>(ramp_.count()));
    case Kind::kFlapping:
      return since_start % period_ < on_ ? 1 : 0;
  }
  return 1;
}

Shape::Time Shape::next_change(Time since_start) const {
  switch (kind_) {
    case Kind::kConstant:
      return Time::max();
    case Kind::kRamp:
      return since_start < ramp_ ? std::min(since_start + kRampStep, ramp_) : Time::max();
    case Kind::kFlapping: {
      const Time within = since_start % period_;
      return since_start - within + (within < on_ ? on_ : period_);
    }
  }
  return Time::max();
}

Shape::Time Shape::provable_after() const {
  if (kind_ != Kind::kRamp) return Time(0);
  return Time(static_cast<int64_t>(kProvableLevel * static_cast<double>(ramp_.count())));
}

}  // namespace sonde::inject
