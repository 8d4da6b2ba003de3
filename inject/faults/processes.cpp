#include "inject/faults/processes.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <optional>

#include "inject/cgroup_accounts.h"
#include "inject/container_processes.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/injected_process.h"
#include "inject/faults/sleepers.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedSleepers{"sonde_fault_asked_processes", MetricType::kGauge, "processes",
                                   kFaultLabels, "How many processes were to be put into the target now."};
constexpr MetricRow kMeasuredSleepers{"sonde_fault_measured_processes", MetricType::kGauge, "processes",
                                      kFaultLabels,
                                      "How many injected processes the kernel lists in the target."};
constexpr MetricRow kCgroupTasks{
    "sonde_fault_cgroup_processes", MetricType::kGauge, "processes", kFaultLabels,
    "Tasks in the whole target cgroup (pids.current); processes where the controller is missing."};
constexpr MetricRow kRefused{"sonde_fault_measured_refusals", MetricType::kGauge, "forks", kFaultLabels,
                             "How often the kernel refused one process more since the fault's start."};

constexpr std::array kProcessesRows = {kAskedSleepers, kMeasuredSleepers, kCgroupTasks, kRefused};

/// Each costs the machine some 100 KiB.
constexpr uint64_t kMostSleepers = 20'000;

class ProcessesFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--count", count_text_,
                   "How many processes to put into the container; max: as many as its own limit (pids.max) "
                   "allows, until one more is refused")
        ->type_name("COUNT")
        ->default_str(count_text_);
    min_effect_.add_to(app, "--count");
  }

  Result<void> check() override {
    if (count_text_ != "max") {
      const auto count = read_count("--count", count_text_, kMostSleepers);
      if (!count) return tl::unexpected(count.error());
      count_ = *count;
    }
    return min_effect_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    target_ = target;
    if (auto apart = refuse_own_cgroup(target, "nobody there could start a process to undo it"); !apart) {
      return apart;
    }
    if (fills_limit()) {
      if (auto found = find_room(); !found) return found;
    }
    // Of "max", whatever room the container makes meanwhile is taken too: only a refusal proves the limit.
    const uint64_t beyond = fills_limit() ? kMostSleepers - count_ : 0;
    const auto work = [count = count_, beyond](SharedFigures& figures, SteadyTime lease_end) {
      keep_sleepers(count, beyond, figures, lease_end);
    };
    return process_.prepare(target, state, {"sonde-sleepers", work});
  }

  Result<void> start(double level) override {
    if (auto set = set_level(level); !set) return set;
    return process_.start();
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }

  Result<void> set_level(double level) override {
    level_ = level;
    process_.figures().level = level;
    return {};
  }

  Result<Effect> measure() override {
    if (!process_.runs()) return fail(ErrorCode::kUnavailable, "the injected process is gone");
    const double asked = level_ * static_cast<double>(count_);
    const auto kin = static_cast<double>(kin_of(process_.identity(), target_).size());
    const double listed = std::max(0.0, kin - 1);  // without their parent
    const auto tasks = static_cast<double>(task_count(target_).value_or(processes_in(target_).size()));
    const auto refused = static_cast<double>(process_.figures().losses);
    Effect effect;
    // Two witnesses: the cgroup's list of processes, and the controller's count.
    // The limit is reached once one more is refused.
    const bool reached = !fills_limit() || level_ < 1 || refused > 0;
    effect.proven = level_ >= kProvableLevel && listed >= 1 && listed >= min_effect_.value() * asked &&
                    tasks >= listed && reached;
    effect.summary =
        fmt::format("asked for {:.0f} processes, the cgroup lists {:.0f} of them and has {:.0f} tasks; {}",
                    asked, listed, tasks, refused > 0 ? "more were refused" : "none was refused");
    effect.readings = {
        {&kAskedSleepers, asked}, {&kMeasuredSleepers, listed}, {&kCgroupTasks, tasks}, {&kRefused, refused}};
    return effect;
  }

  [[nodiscard]] int broken_descriptor() const override { return process_.descriptor(); }

 private:
  [[nodiscard]] bool fills_limit() const { return count_text_ == "max"; }

  /// Sets how many the cgroup's own limit has room for; never the room that it shares with others.
  Result<void> find_room() {
    const auto refuse = [&](const std::string& found) {
      return fail(ErrorCode::kInvalid, fmt::format("--count=max: '{}' has {}; name a number, from 1 to {}",
                                                   target_.path(), found, kMostSleepers));
    };
    const TaskRoom room = task_room(target_);
    if (!room.own) return refuse("no limit of processes (pids.max) of its own");
    if (*room.own < 2 || *room.own - 1 > kMostSleepers) return refuse(fmt::format("room for {}", *room.own));
    if (room.above && *room.above <= *room.own) {
      return refuse(fmt::format("room for {}, but a cgroup above it, which others share, only for {}",
                                *room.own, *room.above));
    }
    count_ = *room.own - 1;  // one is their parent
    return {};
  }

  std::string count_text_ = "max";
  uint64_t count_ = 0;
  MinEffect min_effect_;
  CgroupTarget target_;
  InjectedProcess process_;
  double level_ = 1;
};

}  // namespace

std::unique_ptr<Fault> make_processes_fault() {
  return std::make_unique<ProcessesFault>();
}

std::span<const MetricRow> processes_fault_metric_rows() {
  return kProcessesRows;
}

}  // namespace sonde::inject
