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

  Result<void> start() override {
    tell(program_ ? "a BPF program at what the interface sends" : "netem at what the interface sends");
    if (auto put = put_level(1); !put) return put;
    if (keeper_) {
      if (auto started = keeper_->start(); !started) return started;
    }
    probe_->start(kProofInterval, kLostAfter);
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }
  Result<void> set_level(double level) override {
    if (auto put = put_level(level); !put) return put;
    const auto now = counts();
    if (!now) return tl::unexpected(now.error());
    since_ = *now;
    probe_->begin_anew();
    return {};
  }

  Result<Effect> measure() override {
    const auto now = counts();
    if (!now) return tl::unexpected(now.error());
    const double asked = ratio_ * level_;
    const auto seen = static_cast<double>(now->seen - since_.seen);
    const auto lost = static_cast<double>(now->lost - since_.lost);
    const EchoCounts pings = probe_->counts();
    const auto decided = static_cast<double>(pings.decided);
    const double unanswered = decided > 0 ? 1 - static_cast<double>(pings.answered) / decided : 0;
    // netem counts a packet of many segments as one when it is lost and as many when it is sent.
    if (seen > 0) measured_ = program_ ? lost / seen : unanswered;
    Effect effect;
    // Two witnesses: the counters say that packets were lost, the pings that they did not arrive.
    effect.proven = level_ >= kProvableLevel && std::min(seen, decided) * asked >= kExpectedLosses &&
                    lost > 0 && measured_ >= flags_.min_effect() * asked &&
                    unanswered >= flags_.min_effect() * asked;
    if (effect.proven) probe_->set_interval(program_ ? kWatchInterval : kOnlyPingsInterval);
    effect.summary =
        fmt::format("asked for a loss of {:.3f}, measured {:.3f} of {:.0f} packets, {:.3f} of {} pings",
                    asked, measured_, seen, unanswered, pings.decided);
    effect.readings = {{&kAskedLoss, asked},
                       {&kMeasuredLoss, measured_},
                       {&kSeenPackets, static_cast<double>(now->seen)},
                       {&kLostPackets, static_cast<double>(now->lost)}};
    return effect;
  }

 private:
  Result<void> put_level(double level) {
    level_ = level;
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
  LossCounts since_;  ///< at the last change of level
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
