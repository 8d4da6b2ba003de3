#include "inject/faults/cpu.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <thread>

#include "common/clock.h"
#include "inject/faults/duty_cycle.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/injected_process.h"
#include "inject/level_history.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedCores{
    "sonde_fault_asked_cores", MetricType::kGauge, "cores", kFaultLabels,
    "CPU cores that the injected process was asked to burn: the mean since the fault's start."};
constexpr MetricRow kMeasuredCores{
    "sonde_fault_measured_cores", MetricType::kGauge, "cores", kFaultLabels,
    "CPU cores that the injected process burns, by its own process time: the mean since the fault's start."};
constexpr MetricRow kCgroupCores{
    "sonde_fault_cgroup_cores", MetricType::kGauge, "cores", kFaultLabels,
    "CPU cores that the whole target cgroup uses, container and injected process: the mean since the fault's "
    "start."};

constexpr std::array kRows = {kAskedCores, kMeasuredCores, kCgroupCores};

constexpr double kAccountingSlackSeconds =
    0.02;  // what a cgroup's counter may lag behind, two ticks at 100 Hz
constexpr double kSmallestCores = 0.05;

double seconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

class CpuFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--cores", cores_text_, "CPU cores to burn; 0.5 burns one for half of the time")
        ->type_name("CORES")
        ->default_str(cores_text_);
    min_effect_.add_to(app, "--cores (or of the cgroup's CPU limit, if that is less)");
  }

  Result<void> check() override {
    const double machine = std::max(1U, std::thread::hardware_concurrency());
    const auto cores = parse_number(cores_text_);
    if (!cores || !(*cores >= kSmallestCores) || *cores > machine) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--cores={}: give a number from {} to {}, this machine's CPUs", cores_text_,
                              kSmallestCores, machine));
    }
    cores_ = *cores;
    return min_effect_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    target_ = target;
    const auto burn_shares = [shares = thread_shares(cores_)](SharedFigures& figures, SteadyTime lease_end) {
      burn(shares, figures.level, lease_end);
    };
    return hog_.prepare(target, state, {"sonde-cpu-hog", burn_shares});
  }

  Result<void> start(double level) override {
    hog_.figures().level = level;
    if (auto started = hog_.start(); !started) return started;
    levels_.begin(SteadyClock::now());
    levels_.set(level, SteadyClock::now());
    const auto now = sample();
    if (!now) return tl::unexpected(now.error());
    first_ = last_ = *now;
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }

  Result<void> set_level(double level) override {
    levels_.set(level, SteadyClock::now());
    hog_.figures().level = level;
    return {};
  }

  Result<Effect> measure() override {
    const auto now = sample();
    if (!now) return tl::unexpected(now.error());
    const Usage recent = between(last_, *now);
    const Usage whole = between(first_, *now);
    const double asked = cores_ * recent.level;
    const double limit = target_.cpu_limit_cores().value_or(asked);
    Effect effect;
    // Two witnesses: the process's own clock says that it ran, the cgroup's that it ran in there.
    effect.proven = now->time - last_.time >= kShortestProof && recent.level >= kProvableLevel &&
                    recent.hog_cores >= min_effect_.value() * std::min(asked, limit) &&
                    recent.cgroup_seconds + kAccountingSlackSeconds >= 0.9 * recent.hog_seconds;
    effect.summary =
        fmt::format("asked for {:.2f} cores{}, measured {:.2f} by the process's clock, {:.2f} in the cgroup",
                    asked, limit < asked ? fmt::format(" (the cgroup's limit is {:.2f})", limit) : "",
                    recent.hog_cores, recent.cgroup_cores);
    effect.readings = {{&kAskedCores, cores_ * whole.level},
                       {&kMeasuredCores, whole.hog_cores},
                       {&kCgroupCores, whole.cgroup_cores}};
    if (now->time - last_.time >= kShortestProof) last_ = *now;
    return effect;
  }

  [[nodiscard]] int broken_descriptor() const override { return hog_.descriptor(); }

 private:
  struct Sample {
    SteadyTime time;
    uint64_t hog_ns = 0;
    uint64_t cgroup_ns = 0;
    double full_seconds = 0;  ///< asked for so far, as time at level 1
  };
  struct Usage {
    double hog_seconds = 0;
    double cgroup_seconds = 0;
    double hog_cores = 0;
    double cgroup_cores = 0;
    double level = 0;  ///< the mean
  };

  [[nodiscard]] Result<Sample> sample() const {
    if (!hog_.runs()) return fail(ErrorCode::kUnavailable, "the injected process is gone");
    const auto hog = cpu_time_ns(hog_.identity().pid);
    if (!hog) return tl::unexpected(hog.error());
    const auto cgroup = target_.cpu_usage_ns();
    if (!cgroup) return tl::unexpected(cgroup.error());
    const SteadyTime now = SteadyClock::now();
    return Sample{now, *hog, *cgroup, levels_.full_seconds(now)};
  }

  static Usage between(const Sample& from, const Sample& to) {
    const double wall = std::max(1e-9, std::chrono::duration<double>(to.time - from.time).count());
    Usage usage;
    usage.hog_seconds = seconds(to.hog_ns - from.hog_ns);
    usage.cgroup_seconds = seconds(to.cgroup_ns - from.cgroup_ns);
    usage.hog_cores = usage.hog_seconds / wall;
    usage.cgroup_cores = usage.cgroup_seconds / wall;
    usage.level = (to.full_seconds - from.full_seconds) / wall;
    return usage;
  }

  std::string cores_text_ = "1.0";
  double cores_ = 0;
  MinEffect min_effect_;
  CgroupTarget target_;
  InjectedProcess hog_;
  LevelHistory levels_;
  Sample first_;
  Sample last_;
};

}  // namespace

std::unique_ptr<Fault> make_cpu_fault() {
  return std::make_unique<CpuFault>();
}

std::span<const MetricRow> cpu_fault_metric_rows() {
  return kRows;
}

}  // namespace sonde::inject
