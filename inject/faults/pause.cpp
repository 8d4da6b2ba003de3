#include "inject/faults/pause.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <utility>

#include "common/clock.h"
#include "inject/container_processes.h"
#include "inject/faults/fault_flags.h"
#include "inject/freezer.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedPause{"sonde_fault_asked_paused", MetricType::kGauge, "", kFaultLabels,
                                "1 while the container was to stand still, else 0."};
constexpr MetricRow kMeasuredPause{
    "sonde_fault_measured_paused", MetricType::kGauge, "", kFaultLabels,
    "1 while the kernel says that it is frozen and it has used no CPU time since the last look, else 0."};

constexpr std::array kPauseRows = {kAskedPause, kMeasuredPause};

/// Which cgroup (Freezer::mark) was not frozen by anybody before: what is thawed at the end is ours.
constexpr std::string_view kFrozenByUs = "frozen-by-us";

/// CPU time that a cgroup may be charged with late after it stands still: a tick at 100 Hz for each of 2
/// CPUs.
constexpr uint64_t kStandstillSlackNs = 20'000'000;

class PauseFault : public Fault {
 public:
  void add_flags(CLI::App& /*app*/) override {}
  Result<void> check() override { return {}; }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    target_ = target;
    if (auto apart = refuse_own_cgroup(target, "paused, it could not resume it"); !apart) return apart;
    auto freezer = Freezer::find(target);
    if (!freezer) return tl::unexpected(freezer.error());
    const auto frozen = freezer->is_asked_for();
    if (!frozen) return tl::unexpected(frozen.error());
    if (*frozen) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("'{}' is paused already, or a cgroup above it is; resume it first", target.path()));
    }
    if (container_processes(target).empty()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("'{}' has no process that could be paused", target.path()));
    }
    freezer_ = std::move(*freezer);
    state.details.emplace(kFrozenByUs, freezer_.mark());
    return {};
  }

  Result<void> start(double level) override {
    return level == 1 ? set_frozen(true) : Fault::set_level(level);
  }

  [[nodiscard]] Levels levels() const override { return Levels::kOnOff; }

  Result<void> set_level(double level) override {
    if (level != 0 && level != 1) return Fault::set_level(level);
    return (level == 1) == asked_ ? Result<void>() : set_frozen(level == 1);
  }

  Result<Effect> measure() override {
    const auto frozen = freezer_.is_frozen();
    if (!frozen) return tl::unexpected(frozen.error());
    const auto cpu_ns = target_.cpu_usage_ns();
    if (!cpu_ns) return tl::unexpected(cpu_ns.error());
    if (asked_ && was_frozen_ && !*frozen) {
      return fail(ErrorCode::kUnavailable, "somebody else has resumed the container");
    }
    const SteadyTime now = SteadyClock::now();
    const uint64_t used_ns = *cpu_ns - last_cpu_ns_;
    // Two witnesses: the freezer's word, and a CPU counter that stands still.
    const bool stands = asked_ && *frozen && was_frozen_ && used_ns <= kStandstillSlackNs;
    Effect effect;
    effect.proven = stands && now - last_ >= kShortestProof && !container_processes(target_).empty();
    effect.summary = fmt::format("the kernel says {}, {:.3f} s of CPU time used since the last look",
                                 *frozen ? "frozen" : "not frozen", static_cast<double>(used_ns) / 1e9);
    effect.readings = {{&kAskedPause, asked_ ? 1.0 : 0.0}, {&kMeasuredPause, stands ? 1.0 : 0.0}};
    if (now - last_ >= kShortestProof) {
      last_ = now;
      last_cpu_ns_ = *cpu_ns;
      was_frozen_ = *frozen;
    }
    return effect;
  }

 private:
  Result<void> set_frozen(bool frozen) {
    asked_ = frozen;
    last_ = SteadyClock::now();
    last_cpu_ns_ = target_.cpu_usage_ns().value_or(0);
    was_frozen_ = false;
    return freezer_.set_frozen(frozen);
  }

  CgroupTarget target_;
  Freezer freezer_;
  bool asked_ = false;
  bool was_frozen_ = false;  ///< at the last look
  uint64_t last_cpu_ns_ = 0;
  SteadyTime last_;
};

}  // namespace

std::unique_ptr<Fault> make_pause_fault() {
  return std::make_unique<PauseFault>();
}

std::span<const MetricRow> pause_fault_metric_rows() {
  return kPauseRows;
}

Result<void> undo_pause_fault(const FaultState& state) {
  const auto mark = state.details.find(std::string(kFrozenByUs));
  if (mark == state.details.end()) return {};  // it came to nothing
  const auto freezer = Freezer::find_again(state.cgroup, mark->second, mounts_here());
  auto thawed = freezer ? freezer->set_frozen(false) : Result<void>(tl::unexpected(freezer.error()));
  if (!thawed && thawed.error().code == ErrorCode::kNotFound) return {};  // gone, and with it what was frozen
  return thawed;
}

}  // namespace sonde::inject
