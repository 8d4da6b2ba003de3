#include "inject/faults/loss.h"

#include <fmt/format.h>
#include <poll.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/network/tcx_link.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/network_fault.h"
#include "inject/network/loss_program.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedLoss{"sonde_fault_asked_loss_ratio", MetricType::kGauge, "ratio", kFaultLabels,
                               "Share of the packets that the container sends which was to be lost."};
constexpr MetricRow kMeasuredLoss{
    "sonde_fault_measured_loss_ratio", MetricType::kGauge, "ratio", kFaultLabels,
    "Share of the packets that the container has sent since the level changed last which was lost."};
constexpr MetricRow kSeenPackets{
    "sonde_fault_packets_total", MetricType::kCounter, "packets", kFaultLabels,
    "Packets that the container was to send since the fault's start, pings included."};
constexpr MetricRow kLostPackets{"sonde_fault_lost_packets_total", MetricType::kCounter, "packets",
                                 kFaultLabels, "Those of them that were lost."};
constexpr std::array kLossRows = {kAskedLoss, kMeasuredLoss, kSeenPackets, kLostPackets};

constexpr std::chrono::milliseconds kProofInterval(5);  // of pings, until the loss is proven
constexpr std::chrono::milliseconds kWatchInterval(500);
constexpr std::chrono::milliseconds kOnlyPingsInterval(50);  // where they alone tell how much is lost
constexpr std::chrono::milliseconds kLostAfter(1000);
/// So many losses must be expected before what was lost says anything: fewer than half of 10 in 1 of 30
/// cases.
constexpr double kExpectedLosses = 10;
constexpr uint64_t kFewestPackets = 20;

class LossFault : public NetworkFault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--ratio", ratio_text_, "Share of the packets that the container sends which is lost")
        ->type_name("RATIO")
        ->default_str(ratio_text_);
    flags_.add_to(app, "--ratio");
  }

  Result<void> check() override {
    const auto ratio = read_number("--ratio", ratio_text_, 0.01, 1);
    if (!ratio) return tl::unexpected(ratio.error());
    ratio_ = *ratio;
    return flags_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    if (auto prepared = prepare_network(target, state); !prepared) return prepared;
    const auto tcx = has_tcx_links();
    if (!tcx) return tl::unexpected(tcx.error());
    if (!*tcx) return prepare_qdisc(state);
    auto program = LossProgram::load();
    if (!program) return tl::unexpected(program.error());
    program_ = std::move(*program);
    return prepare_keeper(state, hold_program());
  }

  Result<void> start(double level) override {
    tell(program_ ? "a BPF program at what the interface sends" : "netem at what the interface sends");
    if (auto put = put_level(level); !put) return put;
    if (keeper_) {
      if (auto started = keeper_->start(); !started) return started;
    }
    probe_->start(kProofInterval, kLostAfter);
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }
  Result<void> set_level(double level) override {
    if (auto taken = take_counts(); !taken) return taken;
    since_ = last_;
    pings_since_ = probe_->counts();
    return put_level(level);
  }

  Result<Effect> measure() override {
    if (auto taken = take_counts(); !taken) return tl::unexpected(taken.error());
    const EchoCounts pings = probe_->counts();
    // netem counts a packet of many segments as one when it is lost and as many when it is sent.
    measured_ = program_ ? ratio_of(last_.lost - since_.lost, last_.seen - since_.seen)
                         : ratio_of(unanswered(pings) - unanswered(pings_since_),
                                    pings.decided - pings_since_.decided);
    const auto lost = static_cast<double>(last_.lost);
    const auto silent = static_cast<double>(unanswered(pings));
    Effect effect;
    // Two witnesses: the counters say that packets were lost, the pings that they did not arrive. Each packet
    // against the level at which it was sent, as a ramp never rests.
    effect.proven = level_ >= kProvableLevel && std::min(expected_, pings.expected) >= kExpectedLosses &&
                    (program_ ? lost >= flags_.min_effect() * expected_ : lost > 0) &&
                    silent >= flags_.min_effect() * pings.expected;
    if (effect.proven) probe_->set_interval(program_ ? kWatchInterval : kOnlyPingsInterval);
    effect.summary = fmt::format(
        "asked for a loss of {:.3f}, measured {:.3f}; of {} packets {} are lost ({:.0f} expected), of {} "
        "pings {} ({:.0f})",
        asked(), measured_, last_.seen, last_.lost, expected_, pings.decided, unanswered(pings),
        pings.expected);
    effect.readings = {{&kAskedLoss, asked()},
                       {&kMeasuredLoss, measured_},
                       {&kSeenPackets, static_cast<double>(last_.seen)},
                       {&kLostPackets, static_cast<double>(last_.lost)}};
    return effect;
  }

 private:
  [[nodiscard]] double asked() const { return ratio_ * level_; }

  static uint64_t unanswered(const EchoCounts& pings) { return pings.decided - pings.answered; }

  /// What is measured of too few stays as it was.
  [[nodiscard]] double ratio_of(uint64_t lost, uint64_t seen) const {
    return seen < kFewestPackets ? measured_ : static_cast<double>(lost) / static_cast<double>(seen);
  }

  Result<void> take_counts() {
    const auto now = counts();
    if (!now) return tl::unexpected(now.error());
    expected_ += asked() * static_cast<double>(now->seen - last_.seen);
    last_ = *now;
    return {};
  }

  Result<void> put_level(double level) {
    level_ = level;
    probe_->set_expected(asked());
    if (!program_) return qdisc_->put(qdisc_handle_, Netem{.loss_ratio = ratio_ * level});
    program_->set_ratio(ratio_ * level);
    return {};
  }

  Result<LossCounts> counts() {
    if (program_) return program_->counts();
    const auto root = qdisc_->root();
    if (!root) return tl::unexpected(root.error());
    if (root->handle != qdisc_handle_)
      return fail(ErrorCode::kUnavailable, "somebody has taken the qdisc away");
    const auto& statistics = root->statistics;
    return LossCounts{statistics.sent_packets + statistics.dropped_packets, statistics.dropped_packets};
  }

  /// The link goes with the process: with its last descriptor.
  Keeper::Work hold_program() {
    const auto place = [this]() -> Result<void> {
      link_ = create_tcx_link(network_->interface_index(), Direction::kEgress, program_->descriptor(),
                              TcxOrder::kLast);
      if (link_) return {};
      return fail(ErrorCode::kUnsupported,
                  fmt::format("tcx link at {}: {}; the kernel must have netem, or be Linux 6.6 or later",
                              network_->interface_name(), std::strerror(errno)));
    };
    const auto keep = [](int end, SteadyTime lease_end) {
      while (SteadyClock::now() < lease_end) {
        pollfd polled{end, POLLIN, 0};
        if (poll(&polled, 1, 1000) > 0) return;
      }
    };
    return {place, keep};
  }

  std::string ratio_text_ = "0.1";
  double ratio_ = 0;
  double level_ = 1;
  double measured_ = 0;
  LossCounts last_;
  LossCounts since_;        ///< at the last change of level
  EchoCounts pings_since_;  ///< at the last change of level
  double expected_ = 0;     ///< losses of the packets counted so far
  std::optional<LossProgram> program_;
  FileDescriptor link_;  ///< in the keeper
};

}  // namespace

std::unique_ptr<Fault> make_loss_fault() {
  return std::make_unique<LossFault>();
}

std::span<const MetricRow> loss_fault_metric_rows() {
  return kLossRows;
}

}  // namespace sonde::inject
