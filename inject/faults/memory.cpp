#include "inject/faults/memory.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "common/byte_size.h"
#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "inject/cgroup_accounts.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/injected_process.h"
#include "inject/faults/memory_leak.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedBytes{"sonde_fault_asked_memory_bytes", MetricType::kGauge, "bytes", kFaultLabels,
                                "What the leak was asked to hold by now."};
constexpr MetricRow kMeasuredBytes{"sonde_fault_measured_memory_bytes", MetricType::kGauge, "bytes",
                                   kFaultLabels,
                                   "Memory that the leaking process holds, resident or swapped out, by the "
                                   "kernel's account of the process."};
constexpr MetricRow kCgroupBytes{"sonde_fault_cgroup_memory_bytes", MetricType::kGauge, "bytes", kFaultLabels,
                                 "Memory charged to the whole target cgroup, page cache included."};
constexpr MetricRow kAskedRate{"sonde_fault_asked_leak_bytes_per_second", MetricType::kGauge,
                               "bytes per second", kFaultLabels, "Rate at which the leak was asked to grow."};
constexpr MetricRow kMeasuredRate{
    "sonde_fault_measured_leak_bytes_per_second", MetricType::kGauge, "bytes per second", kFaultLabels,
    "Rate at which the leak grew until it last reached its ceiling or was killed, the mean since it began."};
constexpr MetricRow kKills{"sonde_fault_measured_oom_kills", MetricType::kGauge, "kills", kFaultLabels,
                           "How often the leaking process was killed for want of memory and started over."};

constexpr std::array kRows = {kAskedBytes, kMeasuredBytes, kCgroupBytes, kAskedRate, kMeasuredRate, kKills};

constexpr double kLeastProof = 1 << 19;  // below 512 KiB the charges of other pages are as large
constexpr double kMostlyGrowing = 0.9;   // of its time: then it is a leak to whoever learns from it
constexpr double kNearlyFull =
    0.95;  // of the cgroup's limit: then reclaim makes room for what the leak takes

/// Resident and swapped anonymous memory of a process. Unit: bytes.
double anonymous_bytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  double kib = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:") || line.starts_with("VmSwap:")) kib += std::stod(line.substr(8));
  }
  return kib * 1024;
}

class MemoryFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--rate", rate_text_,
                   "How much to take a second, such as 5MiB; a proof needs 512KiB within --proof-timeout")
        ->type_name("SIZE")
        ->default_str(rate_text_);
    app.add_option("--ceiling", ceiling_text_, "How much to take in all; it is held until the end")
        ->type_name("SIZE")
        ->default_str(ceiling_text_);
    min_effect_.add_to(app, "what the leak should hold by then");
  }

  Result<void> check() override {
    const auto rate = read_size("--rate", rate_text_);
    if (!rate) return tl::unexpected(rate.error());
    const auto ceiling = read_size("--ceiling", ceiling_text_);
    if (!ceiling) return tl::unexpected(ceiling.error());
    if (static_cast<double>(*ceiling) < 2 * kLeastProof) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--ceiling={}: too little to be seen; give 1MiB or more", ceiling_text_));
    }
    plan_ = {*rate, *ceiling};
    return min_effect_.check();
  }

  /// A leak that has reached its ceiling long before its end, or that cannot be proven in time.
  [[nodiscard]] std::string doubt(std::chrono::milliseconds duration,
                                  std::chrono::milliseconds proof_timeout) const override {
    const auto rate = static_cast<double>(plan_.bytes_per_second);
    const double seconds = std::chrono::duration<double>(duration).count();
    if (const double proven_by = kLeastProof / rate;
        proven_by > std::chrono::duration<double>(std::min(duration, proof_timeout)).count()) {
      return fmt::format(
          "--rate={}: a proof needs {}, which takes {:.0f} s, and there are --proof-timeout={} of {}; give a "
          "higher rate",
          rate_text_, bytes_text(kLeastProof), proven_by, duration_text(proof_timeout),
          duration_text(duration));
    }
    const double full_after = static_cast<double>(plan_.ceiling_bytes) / rate;
    if (full_after >= kMostlyGrowing * seconds) return "";
    return fmt::format(
        "--ceiling={}: reached after {:.0f} s of {}, and a leak that no longer grows looks like none; give "
        "{} "
        "or more, or a lower rate",
        ceiling_text_, full_after, duration_text(duration), bytes_text(rate * seconds));
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    if (!memory_usage_bytes(target)) {
      return fail(
          ErrorCode::kUnsupported,
          fmt::format("'{}' has no memory controller, so no effect could be proven; make it there too",
                      target.path()));
    }
    target_ = target;
    const auto work = [plan = plan_](SharedFigures& figures, SteadyTime lease_end) {
      leak(plan, figures, lease_end);
    };
    return process_.prepare(target, state, {"sonde-leak", work});
  }

  Result<void> start(double level) override {
    level_ = level;
    process_.figures().level = level;
    usage_before_ = memory_usage_bytes(target_).value_or(0);
    oom_kills_before_ = oom_kills(target_).value_or(0);
    if (auto started = process_.start(); !started) return started;
    begin_growth(SteadyClock::now());
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }

  Result<void> set_level(double level) override {
    advance(SteadyClock::now());
    level_ = level;
    process_.figures().level = level;
    return {};
  }

  Result<Effect> measure() override {
    if (!process_.runs()) return fail(ErrorCode::kUnavailable, "the injected process is gone");
    const SteadyTime now = SteadyClock::now();
    if (auto counted = count_kills(now); !counted) return tl::unexpected(counted.error());
    advance(now);
    // Without what it had from the start, as its parent has it still.
    const double held =
        std::max(0.0, anonymous_bytes(process_.figures().worker) - anonymous_bytes(process_.identity().pid));
    const double usage = static_cast<double>(memory_usage_bytes(target_).value_or(0));
    measure_rate(held, now);
    Effect effect;
    effect.proven = kills_ > 0 || (asked_ >= kLeastProof && held >= min_effect_.value() * asked_ &&
                                   is_charged(held, usage));
    effect.summary = fmt::format(
        "asked for {} by now, the process holds {}, the cgroup {}{}", bytes_text(asked_), bytes_text(held),
        bytes_text(usage), kills_ > 0 ? fmt::format(", killed {} times for want of memory", kills_) : "");
    effect.readings = {{&kAskedBytes, asked_},  {&kMeasuredBytes, held},
                       {&kCgroupBytes, usage},  {&kAskedRate, static_cast<double>(plan_.bytes_per_second)},
                       {&kMeasuredRate, rate_}, {&kKills, static_cast<double>(kills_)}};
    return effect;
  }

  [[nodiscard]] int broken_descriptor() const override { return process_.descriptor(); }

 private:
  void begin_growth(SteadyTime now) {
    growth_began_ = advanced_ = now;
    asked_ = 0;
    grows_ = true;
  }

  void advance(SteadyTime now) {
    asked_ = leaked_bytes(plan_, asked_, level_, std::chrono::duration<double>(now - advanced_).count());
    advanced_ = now;
  }

  /// Where the kernel killed the leak, that is its effect, and it has begun anew. Errors: kUnavailable where
  /// somebody else killed it.
  Result<void> count_kills(SteadyTime now) {
    const uint64_t losses = process_.figures().losses;
    if (losses == kills_) return {};
    const auto counted = oom_kills(target_);
    if (counted && *counted < oom_kills_before_ + (losses - kills_)) {
      return fail(ErrorCode::kUnavailable, "the leaking process was killed, and not for want of memory");
    }
    log::info(
        "the leak was killed for want of memory and starts over",
        {{"cgroup", target_.path()}, {"times", losses}, {"asked_bytes", static_cast<uint64_t>(asked_)}});
    kills_ = losses;
    oom_kills_before_ = counted.value_or(0);
    begin_growth(now);
    return {};
  }

  /// The rate while it grows, without the start of the process and the time at the ceiling.
  void measure_rate(double held, SteadyTime now) {
    const double seconds = std::chrono::duration<double>(now - growth_began_).count();
    const double ceiling = level_ * static_cast<double>(plan_.ceiling_bytes);
    grows_ = grows_ && level_ == 1 && held < 0.98 * ceiling;
    if (grows_ && seconds > 0) rate_ = held / seconds;
  }

  /// The second witness: the cgroup's own charge has grown with the leak, or it is full.
  [[nodiscard]] bool is_charged(double held, double usage) const {
    const auto limit = memory_limit_bytes(target_);
    if (limit && usage >= kNearlyFull * static_cast<double>(*limit)) return true;
    return usage - static_cast<double>(usage_before_) >= min_effect_.value() * held;
  }

  std::string rate_text_ = "5MiB";
  std::string ceiling_text_ = "100MiB";
  LeakPlan plan_;
  MinEffect min_effect_;
  CgroupTarget target_;
  InjectedProcess process_;
  uint64_t usage_before_ = 0;
  uint64_t oom_kills_before_ = 0;
  uint64_t kills_ = 0;
  double level_ = 1;
  double asked_ = 0;  ///< bytes by now
  double rate_ = 0;
  bool grows_ = true;
  SteadyTime growth_began_;
  SteadyTime advanced_;
};

}  // namespace

std::unique_ptr<Fault> make_memory_fault() {
  return std::make_unique<MemoryFault>();
}

std::span<const MetricRow> memory_fault_metric_rows() {
  return kRows;
}

}  // namespace sonde::inject
