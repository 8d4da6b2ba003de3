#include "inject/faults/kill.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "inject/container_processes.h"
#include "inject/faults/fault_flags.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedKills{"sonde_fault_asked_kills", MetricType::kGauge, "kills", kFaultLabels,
                                "How often the container was to be killed by now."};
constexpr MetricRow kMeasuredKills{"sonde_fault_measured_kills", MetricType::kGauge, "kills", kFaultLabels,
                                   "How often it was killed and its processes were seen to be gone; less "
                                   "than asked where nothing restarts it."};
constexpr MetricRow kRestarts{"sonde_fault_measured_restarts", MetricType::kGauge, "restarts", kFaultLabels,
                              "How often it was found running again after that."};

constexpr std::array kKillRows = {kAskedKills, kMeasuredKills, kRestarts};

constexpr std::chrono::milliseconds kShortestPeriod(500);  // the effect is looked for as often

class KillFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--every", every_text_, "Time from one kill to the next; the first is at the start")
        ->type_name("DURATION")
        ->default_str(every_text_);
    app.add_flag("--all", all_, "Kill all of the container's processes, not only the main one, its oldest");
  }

  Result<void> check() override {
    const auto every = parse_duration(every_text_);
    if (!every || *every < kShortestPeriod) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--every={}: give a duration of 500ms or more, such as 10s", every_text_));
    }
    every_ = *every;
    return {};
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& /*state*/) override {
    target_ = target;
    if (auto apart = refuse_own_cgroup(target, "it would be killed"); !apart) return apart;
    if (container_processes(target).empty()) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("'{}' has no process that could be killed", target.path()));
    }
    return {};
  }

  Result<void> start(double level) override {
    if (level != 1) return Fault::set_level(level);
    next_ = SteadyClock::now();
    return kill_now();
  }

  [[nodiscard]] Levels levels() const override { return Levels::kOnOff; }

  Result<void> set_level(double level) override {
    if (level != 0 && level != 1) return Fault::set_level(level);
    if (level == 1 && !on_) next_ = SteadyClock::now();
    on_ = level == 1;
    return {};
  }

  Result<Effect> measure() override {
    see_what_became_of_it();
    if (on_ && victims_.empty() && SteadyClock::now() >= next_) {
      if (auto killed = kill_now(); !killed) return tl::unexpected(killed.error());
    }
    Effect effect;
    effect.proven = kills_ > 0;
    effect.summary = fmt::format("asked for {} kills by now, measured {}, found restarted {} times", asked_,
                                 kills_, restarts_);
    effect.readings = {{&kAskedKills, static_cast<double>(asked_)},
                       {&kMeasuredKills, static_cast<double>(kills_)},
                       {&kRestarts, static_cast<double>(restarts_)}};
    return effect;
  }

 private:
  /// Two witnesses: the processes are gone, and the cgroup does not list them any more.
  void see_what_became_of_it() {
    const auto there = processes_in(target_);
    std::erase_if(victims_, [&](const ProcessIdentity& victim) {
      return !is_running(victim) && std::ranges::count(there, victim.pid) == 0;
    });
    if (killing_ && victims_.empty()) {
      killing_ = false;
      ++kills_;
      log::info("container killed", {{"cgroup", target_.path()}, {"times", kills_}});
    }
    if (!killing_ && down_ && !container_processes(target_).empty()) {
      down_ = false;
      ++restarts_;
    }
  }

  /// Kills whom it finds; nobody is found where nothing has restarted it yet.
  Result<void> kill_now() {
    next_ += every_;
    ++asked_;
    // Made anew by its runtime: the cgroup of that path is another now.
    if (auto again = CgroupTarget::find(target_.path())) target_ = std::move(*again);
    auto processes = container_processes(target_);
    if (processes.empty()) return {};
    if (!all_) processes.resize(1);
    for (const auto& process : processes) {
      const auto descriptor = open_process(process);
      if (!descriptor || !is_container_process(target_, process)) continue;
      if (!send_signal(*descriptor, SIGKILL) && errno != ESRCH) {
        return fail(ErrorCode::kPermission, fmt::format("cannot kill process {}; run as root", process.pid));
      }
      victims_.push_back(process);
    }
    killing_ = !victims_.empty();
    down_ = down_ || killing_;
    return {};
  }

  std::string every_text_ = "10s";
  bool all_ = false;
  std::chrono::milliseconds every_{0};
  CgroupTarget target_;
  std::vector<ProcessIdentity> victims_;  ///< killed, not seen to be gone yet
  bool killing_ = false;
  bool down_ = false;  ///< killed, not seen to be there again yet
  bool on_ = true;
  uint64_t asked_ = 0;
  uint64_t kills_ = 0;
  uint64_t restarts_ = 0;
  SteadyTime next_;
};

}  // namespace

std::unique_ptr<Fault> make_kill_fault() {
  return std::make_unique<KillFault>();
}

std::span<const MetricRow> kill_fault_metric_rows() {
  return kKillRows;
}

Result<void> undo_kill_fault(const FaultState& /*state*/) {
  return {};
}

}  // namespace sonde::inject
