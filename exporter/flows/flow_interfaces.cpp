#include "exporter/flows/flow_interfaces.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "exporter/flows/flow_worker.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kInterfaces{
    "sonde_exporter_flow_interfaces", MetricType::kGauge, "", "means",
    "Interfaces that flow programs are attached to, by tcx links or by filters of "
    "clsact."};
constexpr MetricRow kFailed{"sonde_exporter_flow_interfaces_failed", MetricType::kGauge, "", "",
                            "Interfaces that flow programs could not be attached to; tried again every 10 "
                            "seconds."};
constexpr MetricRow kUnowned{"sonde_exporter_flow_interfaces_unowned", MetricType::kGauge, "", "",
                             "Host ends of veth pairs that lead to the network namespace of no known "
                             "container. Nothing is attached to "
                             "them."};
constexpr MetricRow kHidden{
    "sonde_exporter_flow_interfaces_hidden", MetricType::kGauge, "", "",
    "Interfaces where another program's cls_bpf filter with direct action stands in front "
    "of the flow programs, which do not see what it takes. Never where those are tcx links."};
constexpr MetricRow kAttachments{"sonde_exporter_flow_attachments_total", MetricType::kCounter, "", "means",
                                 "Interfaces that flow programs were attached to."};
constexpr MetricRow kFailures{"sonde_exporter_flow_attach_failures_total", MetricType::kCounter, "", "",
                              "Attempts to attach flow programs to an interface that failed; one that went "
                              "meanwhile is none."};
constexpr MetricRow kRelistings{"sonde_exporter_flow_relistings_total", MetricType::kCounter, "", "",
                                "Listings of all interfaces because events of the kernel were lost."};
constexpr MetricRow kStale{"sonde_exporter_flow_stale_filters_removed_total", MetricType::kCounter, "", "",
                           "Filters that a killed exporter had left and that were removed."};
constexpr std::array kRows{kInterfaces,  kFailed,   kUnowned,    kHidden,
                           kAttachments, kFailures, kRelistings, kStale};

/// Between two turns, so that interfaces that come and go in a loop cannot keep a processor busy.
constexpr std::chrono::milliseconds kShortestTurn{20};

}  // namespace

/// What the thread has found, for everybody else.
struct FlowInterfaces::Published {
  mutable std::mutex mutex;  ///< guards the rest
  std::vector<FlowInterface> interfaces;
  std::vector<ContainerAddresses> addresses;
  AttachCounts counts;
  std::array<size_t, 2> held{};  ///< by tcx, by clsact
  size_t failed = 0;
  size_t unowned = 0;
  size_t hidden = 0;
  uint64_t relistings = 0;
  TcMeans means = TcMeans::kTcx;

  void publish(const FlowWorker& worker) {
    std::vector<ContainerAddresses> listed;
    for (const auto& [inode, name_space] : worker.containers().all()) {
      listed.push_back({inode, name_space.addresses});
    }
    auto attached = worker.attached().current();
    const std::lock_guard lock(mutex);
    interfaces = std::move(attached);
    addresses = std::move(listed);
    counts = worker.attached().counts();
    held = {worker.attached().held_by(TcMeans::kTcx), worker.attached().held_by(TcMeans::kClsact)};
    failed = worker.attached().failed();
    unowned = worker.unowned();
    hidden = worker.attached().hidden();
    relistings = worker.relistings();
    means = worker.means();
  }
};

namespace {

/// Waits for an event, until work is due, or for the end of the thread.
void wait(int wake, int events, SteadyTime due) {
  std::array<pollfd, 2> waits{pollfd{wake, POLLIN, 0}, pollfd{events, POLLIN, 0}};
  poll(waits.data(), 1, static_cast<int>(kShortestTurn.count()));
  const SteadyTime now = SteadyClock::now();
  if (waits[0].revents != 0 || due <= now) return;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now);
  poll(waits.data(), waits.size(), static_cast<int>(left.count()));
}

}  // namespace

FlowInterfaces::FlowInterfaces()
    : published_(std::make_unique<Published>()), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

FlowInterfaces::~FlowInterfaces() {
  thread_.request_stop();
  eventfd_write(wake_, 1);
  if (thread_.joinable()) thread_.join();
  close(wake_);
}

Result<std::unique_ptr<FlowInterfaces>> FlowInterfaces::start(FlowInterfacesOptions options) {
  std::unique_ptr<FlowInterfaces> flows(new FlowInterfaces());
  std::promise<std::optional<Error>> started;
  auto outcome = started.get_future();
  flows->thread_ =
      std::jthread([published = flows->published_.get(), wake = flows->wake_, options = std::move(options),
                    started = std::move(started)](const std::stop_token& stop) mutable {
        const auto worker = FlowWorker::open(options);
        if (!worker) {
          started.set_value(worker.error());
          return;
        }
        (*worker)->work(SteadyClock::now());
        published->publish(**worker);
        started.set_value(std::nullopt);
        while (true) {
          wait(wake, (*worker)->descriptor(), (*worker)->next());
          if (stop.stop_requested()) return;
          (*worker)->work(SteadyClock::now());
          published->publish(**worker);
        }
      });
  if (auto failed = outcome.get()) return tl::unexpected(std::move(*failed));
  return flows;
}

std::vector<FlowInterface> FlowInterfaces::current() const {
  const std::lock_guard lock(published_->mutex);
  return published_->interfaces;
}

std::vector<ContainerAddresses> FlowInterfaces::addresses() const {
  const std::lock_guard lock(published_->mutex);
  return published_->addresses;
}

TcMeans FlowInterfaces::means() const {
  const std::lock_guard lock(published_->mutex);
  return published_->means;
}

void FlowInterfaces::write(metrics::SeriesWriter& writer) const {
  const std::lock_guard lock(published_->mutex);
  const Published& now = *published_;
  const auto by_means = [&](const MetricRow& row, auto tcx, auto clsact) {
    writer.family(row);
    writer.sample(metrics::Labels{{"means", "tcx"}}, static_cast<double>(tcx));
    writer.sample(metrics::Labels{{"means", "clsact"}}, static_cast<double>(clsact));
  };
  const auto one = [&](const MetricRow& row, auto value) {
    writer.family(row);
    writer.sample(static_cast<double>(value));
  };
  by_means(kInterfaces, now.held[0], now.held[1]);
  one(kFailed, now.failed);
  one(kUnowned, now.unowned);
  one(kHidden, now.hidden);
  by_means(kAttachments, now.counts.tcx, now.counts.clsact);
  one(kFailures, now.counts.failures);
  one(kRelistings, now.relistings);
  one(kStale, now.counts.stale_removed);
}

std::span<const MetricRow> FlowInterfaces::metrics() {
  return kRows;
}

}  // namespace sonde::exporter
