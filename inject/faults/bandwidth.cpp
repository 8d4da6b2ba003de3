#include "inject/faults/bandwidth.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <thread>

#include "inject/faults/fault_flags.h"
#include "inject/faults/network_fault.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedBandwidth{"sonde_fault_asked_bandwidth_bytes_per_second", MetricType::kGauge,
                                    "bytes per second", kFaultLabels,
                                    "At what rate the container was to send at most; absent at level 0."};
constexpr MetricRow kMeasuredBandwidth{
    "sonde_fault_measured_bandwidth_bytes_per_second", MetricType::kGauge, "bytes per second", kFaultLabels,
    "At what rate packets left the container's interface when last more of them waited; absent until then."};
constexpr MetricRow kDroppedPackets{"sonde_fault_dropped_packets_total", MetricType::kCounter, "packets",
                                    kFaultLabels,
                                    "Packets of the container that were dropped since too many waited."};
constexpr std::array kBandwidthRows = {kAskedBandwidth, kMeasuredBandwidth, kDroppedPackets};

constexpr double kLeastRate = 10'000;
constexpr double kMostRate = 125e6;        // 1 Gbit/s: more than that a burst of ours may not saturate
constexpr double kUnlimitedRate = 12.5e9;  // at level 0
constexpr double kBucketSeconds = 0.02;
constexpr double kQueueSeconds = 0.2;
constexpr double kBurstSeconds = 0.15;
constexpr std::chrono::milliseconds kBurstWatched(100);
constexpr std::chrono::milliseconds kLookTime(1);
constexpr int kMostTries = 10;
constexpr double kLinkHeaderBytes = 14;
constexpr double kPacketSeconds = 0.005;
constexpr double kSmallestPacket = 100;

class BandwidthFault : public NetworkFault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--bytes-per-second", rate_text_, "At what rate the container may send at most")
        ->type_name("NUMBER")
        ->default_str(rate_text_);
    flags_.add_to(app, "--bytes-per-second");
  }

  Result<void> check() override {
    const auto rate = read_number("--bytes-per-second", rate_text_, kLeastRate, kMostRate);
    if (!rate) return tl::unexpected(rate.error());
    rate_ = *rate;
    return flags_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    if (auto prepared = prepare_network(target, state); !prepared) return prepared;
    return prepare_qdisc(state);
  }

  Result<void> start(double level) override {
    tell("tbf at what the interface sends");
    return put_level(level);
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }
  Result<void> set_level(double level) override { return put_level(level); }

  Result<Effect> measure() override {
    const auto now = watch(level_ >= kProvableLevel && !proven_);
    if (!now) return tl::unexpected(now.error());
    Effect effect;
    effect.proven = proven_;
    effect.summary =
        fmt::format("asked for {:.0f} bytes per second, measured {}", limit(),
                    measured_ ? fmt::format("{:.0f} while packets waited", *measured_) : "none that waited");
    if (level_ > 0) effect.readings.push_back({&kAskedBandwidth, limit()});
    if (measured_) effect.readings.push_back({&kMeasuredBandwidth, *measured_});
    effect.readings.push_back({&kDroppedPackets, static_cast<double>(now->dropped_packets)});
    return effect;
  }

 private:
  struct Look {
    SteadyTime time;
    QdiscStatistics qdisc;
    uint64_t interface_bytes = 0;
  };

  /// What the container may send at the present level: half of the level is twice the rate.
  [[nodiscard]] double limit() const {
    return level_ > 0 ? std::min(rate_ / level_, kUnlimitedRate) : kUnlimitedRate;
  }

  Result<void> put_level(double level) {
    level_ = level;
    proven_ = false;
    measured_.reset();
    last_.reset();
    const double rate = limit();
    const double bucket = std::max(kBucketSeconds * rate, 2 * (network_->mtu() + kLinkHeaderBytes));
    return qdisc_->put(qdisc_handle_,
                       TokenBucket{.bytes_per_second = static_cast<uint64_t>(rate),
                                   .bucket_bytes = static_cast<uint32_t>(bucket),
                                   .queue_bytes = static_cast<uint32_t>(bucket + kQueueSeconds * rate)});
  }

  Result<Look> look() {
    for (int tries = 0;; ++tries) {
      const SteadyTime before = SteadyClock::now();
      const auto root = qdisc_->root();
      const auto took = SteadyClock::now() - before;
      if (!root) return tl::unexpected(root.error());
      if (root->handle != qdisc_handle_) {
        return fail(ErrorCode::kUnavailable, "somebody has taken the qdisc away");
      }
      // Interrupted meanwhile, nobody knows of when the numbers are.
      if (took > kLookTime && tries < kMostTries) continue;
      const auto bytes = qdisc_->interface_sent_bytes();
      if (!bytes) return tl::unexpected(bytes.error());
      return Look{before + took / 2, root->statistics, *bytes};
    }
  }

  /// Takes a look. While packets wait at two looks they leave at the rate that the limit allows: that is
  /// measured. With `burst` it makes them wait.
  Result<QdiscStatistics> watch(bool burst) {
    if (burst) {
      send_burst();
      auto first = look();
      if (!first) return tl::unexpected(first.error());
      last_ = *first;
      std::this_thread::sleep_for(kBurstWatched);
    }
    auto now = look();
    if (!now) return tl::unexpected(now.error());
    if (last_ && last_->qdisc.waiting_bytes > 0 && now->qdisc.waiting_bytes > 0)
      measure_between(*last_, *now);
    last_ = *now;
    return now->qdisc;
  }

  void measure_between(const Look& from, const Look& to) {
    const double seconds = std::chrono::duration<double>(to.time - from.time).count();
    const auto by_qdisc = static_cast<double>(to.qdisc.sent_bytes - from.qdisc.sent_bytes);
    const auto by_interface = static_cast<double>(to.interface_bytes - from.interface_bytes);
    if (seconds <= 0 || by_qdisc <= 0) return;
    measured_ = by_qdisc / seconds;
    // Two witnesses: what the qdisc let pass is what the interface sent, but for what was between the two
    // looks.
    const double slack = 0.1 * by_qdisc + 4 * network_->mtu();
    if (std::abs(by_qdisc - by_interface) <= slack && *measured_ * flags_.min_effect() <= limit())
      proven_ = true;
  }

  /// More than passes at once, less than may wait: packets that the other side ignores.
  void send_burst() const {
    const double largest = network_->mtu() + kLinkHeaderBytes;
    const double bucket = std::max(kBucketSeconds * limit(), 2 * largest);
    // Twenty or more while they are watched: a packet more or less is the error of the measurement.
    const double packet = std::clamp(limit() * kPacketSeconds, kSmallestPacket, largest);
    const size_t payload = static_cast<size_t>(packet - kLinkHeaderBytes) - probe_->socket().header_bytes();
    for (double bytes = bucket + kBurstSeconds * limit(); bytes > 0; bytes -= packet) {
      if (!probe_->socket().send_ignored(payload)) return;
    }
  }

  std::string rate_text_ = "1000000";
  double rate_ = 0;
  double level_ = 1;
  bool proven_ = false;  ///< at this level
  std::optional<double> measured_;
  std::optional<Look> last_;
};

}  // namespace

std::unique_ptr<Fault> make_bandwidth_fault() {
  return std::make_unique<BandwidthFault>();
}

std::span<const MetricRow> bandwidth_fault_metric_rows() {
  return kBandwidthRows;
}

}  // namespace sonde::inject
