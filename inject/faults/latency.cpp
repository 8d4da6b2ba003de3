#include "inject/faults/latency.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "common/duration.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/network_fault.h"
#include "inject/network/held_packets.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedDelay{"sonde_fault_asked_delay_seconds", MetricType::kGauge, "seconds",
                                kFaultLabels, "By how much a round trip was to take longer."};
constexpr MetricRow kMeasuredDelay{
    "sonde_fault_measured_delay_seconds", MetricType::kGauge, "seconds", kFaultLabels,
    "By how much a ping takes longer than before the fault: of medians, of the last eight at most."};
constexpr MetricRow kHeldPackets{
    "sonde_fault_held_packets_total", MetricType::kCounter, "packets", kFaultLabels,
    "Packets that were held for a while, where a process holds them; absent where the kernel does (netem)."};
constexpr std::array kLatencyRows = {kAskedDelay, kMeasuredDelay, kHeldPackets};

constexpr std::chrono::milliseconds kProofInterval(50);  // of pings, until the delay is proven
constexpr std::chrono::milliseconds kWatchInterval(500);
constexpr std::chrono::seconds kLongestDelay(10);
constexpr size_t kFewestRoundTrips = 5;

std::chrono::nanoseconds share_of(std::chrono::milliseconds whole, double share) {
  return std::chrono::nanoseconds(
      std::llround(share * static_cast<double>(std::chrono::nanoseconds(whole).count())));
}

class LatencyFault : public NetworkFault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--delay", delay_text_, "How late packets are, of one direction: 20ms, 1s")
        ->type_name("DURATION")
        ->default_str(delay_text_);
    app.add_option("--jitter", jitter_text_,
                   "How much the delay varies: half the width of a uniform distribution, the deviation of a "
                   "normal one; "
                   "packets overtake each other then")
        ->type_name("DURATION")
        ->default_str(jitter_text_);
    app.add_option("--distribution", distribution_, "Of the jitter: uniform or normal")
        ->type_name("WORD")
        ->default_str(distribution_);
    flags_.add_to(app, "--delay");
  }

  Result<void> check() override {
    const auto delay = parse_duration(delay_text_);
    if (!delay || delay->count() == 0 || *delay > kLongestDelay) {
      return fail(ErrorCode::kInvalid, fmt::format("--delay={}: give a time from 1ms to 10s", delay_text_));
    }
    const auto jitter = parse_duration(jitter_text_);
    if (!jitter || *jitter > *delay) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--jitter={}: give a time up to that of --delay", jitter_text_));
    }
    if (distribution_ != "uniform" && distribution_ != "normal") {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--distribution={}: write uniform or normal", distribution_));
    }
    delay_ = *delay;
    jitter_ = *jitter;
    return flags_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    if (auto prepared = prepare_network(target, state); !prepared) return prepared;
    if (kernel_has_netem()) return prepare_qdisc(state);
    auto held = HeldPackets::make();
    if (!held) return tl::unexpected(held.error());
    held_ = std::move(*held);
    return prepare_keeper(state, held_->work(network_->interface_index()));
  }

  Result<void> start(double level) override {
    tell(held_ ? "a process that holds what the interface receives (NFQUEUE)"
               : "netem at what the interface sends");
    if (auto put = put_level(level); !put) return put;
    if (keeper_) {
      if (auto started = keeper_->start(); !started) return started;
    }
    probe_->start(kProofInterval, std::chrono::seconds(1) + 4 * delay_);
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }
  Result<void> set_level(double level) override { return put_level(level); }

  Result<Effect> measure() override {
    if (auto there = check_qdisc(); !there) return tl::unexpected(there.error());
    const EchoCounts pings = probe_->counts();
    std::vector<double> longer;
    std::vector<double> expected;
    for (const RoundTrip& ping : pings.recent) {
      longer.push_back(ping.seconds - probe_->base_seconds());
      expected.push_back(ping.expected);
    }
    if (!longer.empty()) measured_ = median(longer);
    take_held();
    // Each ping against the level at which it was sent, as a ramp never rests.
    const double least = flags_.min_effect() * median(expected);
    Effect effect;
    effect.proven = level_ >= kProvableLevel && longer.size() >= kFewestRoundTrips && least > 0 &&
                    measured_ >= least && (!held_ || mean_held_ >= least);
    if (effect.proven) probe_->set_interval(kWatchInterval);
    effect.summary = fmt::format(
        "asked for {:.1f} ms, measured {:.1f} more than {:.1f} before (median of the last {} pings to {})",
        asked() * 1e3, measured_ * 1e3, probe_->base_seconds() * 1e3, longer.size(), probe_->address());
    effect.readings = {{&kAskedDelay, asked()}, {&kMeasuredDelay, measured_}};
    if (held_) {
      effect.summary += fmt::format(", {:.1f} by the holder's account", mean_held_ * 1e3);
      effect.readings.push_back({&kHeldPackets, static_cast<double>(last_held_.packets)});
    }
    return effect;
  }

 private:
  [[nodiscard]] double asked() const { return level_ * std::chrono::duration<double>(delay_).count(); }

  Result<void> put_level(double level) {
    level_ = level;
    probe_->set_expected(asked());
    const auto delay = share_of(delay_, level);
    const auto jitter = share_of(jitter_, level);
    const bool normal = distribution_ == "normal";
    if (!held_) return qdisc_->put(qdisc_handle_, Netem{.delay = delay, .jitter = jitter, .normal = normal});
    held_->set(delay, jitter, normal);
    return {};
  }

  /// Mean delay of the packets that were held since the last look.
  void take_held() {
    if (!held_) return;
    const auto now = held_->sum();
    if (now.packets == last_held_.packets) return;
    mean_held_ = std::chrono::duration<double>(now.delay - last_held_.delay).count() /
                 static_cast<double>(now.packets - last_held_.packets);
    last_held_ = now;
  }

  Result<void> check_qdisc() {
    if (!qdisc_) return {};
    const auto root = qdisc_->root();
    if (!root) return tl::unexpected(root.error());
    if (root->handle != qdisc_handle_)
      return fail(ErrorCode::kUnavailable, "somebody has taken the qdisc away");
    return {};
  }

  std::string delay_text_ = "50ms";
  std::string jitter_text_ = "0";
  std::string distribution_ = "uniform";
  std::chrono::milliseconds delay_{0};
  std::chrono::milliseconds jitter_{0};
  double level_ = 1;
  double measured_ = 0;
  std::optional<HeldPackets> held_;  ///< where the kernel has no netem
  HeldPackets::Sum last_held_;       ///< at the last look
  double mean_held_ = 0;             ///< in seconds
};

}  // namespace

std::unique_ptr<Fault> make_latency_fault() {
  return std::make_unique<LatencyFault>();
}

std::span<const MetricRow> latency_fault_metric_rows() {
  return kLatencyRows;
}

}  // namespace sonde::inject
