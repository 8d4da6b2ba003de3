#include "exporter/discovery.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kContainers{"sonde_exporter_containers", MetricType::kGauge, "", "",
                                "Containers known on this node."};
constexpr MetricRow kUnlisted{
    "sonde_exporter_containers_unlisted", MetricType::kGauge, "", "",
    "Containers that have no rows of their own but are part of the row ~other, because there are more than "
    "--max-containers or a label is longer than --max-label-length."};
constexpr MetricRow kOverflowed{
    "sonde_exporter_containers_overflowed_total", MetricType::kCounter, "", "",
    "Containers that came and went between two scrapes and are part of the row ~other, because more than "
    "--max-containers ended in that time."};
constexpr MetricRow kUndecided{"sonde_exporter_containers_undecided", MetricType::kGauge, "", "",
                               "Containers left out of the last scrape because their runtime has not told "
                               "their names yet; what they count is not lost."};
constexpr MetricRow kSourceUp{"sonde_exporter_name_source_up", MetricType::kGauge, "", "source",
                              "1 if the source of containers' names could be asked last time, else 0; absent "
                              "where there is none to ask (yet). Names that were learnt stay."};
constexpr MetricRow kRescans{"sonde_exporter_cgroup_rescans_total", MetricType::kCounter, "", "",
                             "Walks over all cgroups, regular ones and those after events were lost."};
constexpr MetricRow kIncomplete{
    "sonde_exporter_cgroup_scan_incomplete", MetricType::kGauge, "", "",
    "1 if the last walk over all cgroups could not read a directory or found too many, else 0."};
constexpr std::array kRows{kContainers, kUnlisted, kOverflowed, kUndecided, kSourceUp, kRescans, kIncomplete};

/// Between two walks that events ask for, so that churn cannot keep a processor busy with them.
constexpr std::chrono::milliseconds kShortestPause{100};

/// So many times in a row the thread wakes up for an event at once; it regains one each kPace. A container's
/// files are read while they are there, and churn costs a wake-up each kPace, not one an event.
constexpr int kPromptWakeUps = 16;
constexpr std::chrono::milliseconds kPace{50};

/// Says whether the next event may wake the thread at once.
class WakeUps {
 public:
  bool prompt(SteadyTime now) {
    const int regained = static_cast<int>(std::min<int64_t>((now - last_) / kPace, kPromptWakeUps));
    if (regained > 0) last_ = now;
    left_ = std::min(left_ + regained, kPromptWakeUps);
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  int left_ = kPromptWakeUps;
  SteadyTime last_ = SteadyClock::now();
};

}  // namespace

Discovery::Discovery(DiscoveryOptions options, std::unique_ptr<identity::ContainerNames> names,
                     std::unique_ptr<CgroupWatch> watch)
    : roots_(options.roots),
      mounts_(options.mounts),
      rescan_interval_(options.rescan_interval),
      watch_(std::move(watch)),
      wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      index_(options.mounts, std::move(options.containers), std::move(names)),
      networks_(options.roots, options.mounts, std::move(options.open_files)),
      table_(std::make_shared<const ContainerTable>()) {
  snapshot();
  if (watch_) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

Discovery::~Discovery() {
  thread_.request_stop();
  eventfd_write(wake_descriptor_, 1);
  if (thread_.joinable()) thread_.join();
  close(wake_descriptor_);
}

std::shared_ptr<const ContainerTable> Discovery::snapshot() {
  const std::lock_guard lock(mutex_);
  const SteadyTime now = SteadyClock::now();
  take_events(now);
  if (rescan_wanted_ || !watch_) rescan(now);
  if (watch_ && !watch_->tells_populated()) index_.look_for_processes();

  const bool cgroups_changed = index_.changed(now);
  ContainerTable fresh = cgroups_changed ? index_.build(now) : ContainerTable();
  const ContainerTable& base = cgroups_changed ? fresh : *table_;
  std::vector<Container> containers =
      cgroups_changed ? std::move(fresh).take_containers()
                      : std::vector<Container>(base.containers().begin(), base.containers().end());
  const bool networks_changed = networks_.update(containers, now);
  if (cgroups_changed || networks_changed) {
    table_ = std::make_shared<const ContainerTable>(std::move(containers), base);
  }
  return table_;
}

void Discovery::run(const std::stop_token& stop) {
  std::array<pollfd, 2> waits{pollfd{wake_descriptor_, POLLIN, 0}, pollfd{watch_->descriptor(), POLLIN, 0}};
  auto pause = rescan_interval_;
  WakeUps wake_ups;
  while (!stop.stop_requested()) {
    // While a walk is due but must wait, further events would only wake the thread for nothing.
    const bool wait_for_events = pause > kShortestPause;
    while (wait_for_events && !wake_ups.prompt(SteadyClock::now())) {
      poll(waits.data(), 1, static_cast<int>(kPace.count()));
      if (stop.stop_requested()) return;
    }
    waits[1].fd = wait_for_events ? watch_->descriptor() : -1;
    poll(waits.data(), waits.size(), static_cast<int>(pause.count()));
    if (stop.stop_requested()) return;

    const std::lock_guard lock(mutex_);
    const SteadyTime now = SteadyClock::now();
    take_events(now);
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_rescan_);
    const auto due_after = rescan_wanted_ ? kShortestPause : rescan_interval_;
    if (elapsed >= due_after) {
      rescan(now);
      pause = rescan_interval_;
    } else {
      pause = std::max(due_after - elapsed, std::chrono::milliseconds(1));
    }
  }
}

void Discovery::take_events(SteadyTime now) {
  if (!watch_) return;
  rescan_wanted_ |= watch_->take([&](const CgroupEvent& event) { index_.apply(event, now); });
}

void Discovery::rescan(SteadyTime now) {
  std::function<void(const std::string&)> before_listing;
  if (watch_ && watch_->watches_directories()) {
    before_listing = [this](const std::string& directory) { watch_->before_listing(directory); };
  }
  const identity::CgroupScan scan = identity::scan_cgroups(mounts_, before_listing);
  incomplete_ = !scan.complete();
  index_.replace(scan, now);
  index_.look_for_processes();
  rescan_wanted_ = false;
  last_rescan_ = now;
  ++rescans_;
}

DiscoveryState Discovery::state() const {
  const std::lock_guard lock(mutex_);
  DiscoveryState state{.containers = table_->containers().size() + index_.undecided()};
  if (index_.names() == nullptr) return state;
  for (const auto& source : index_.names()->sources()) {
    if (source->present()) state.name_sources.emplace(source->word(), source->up());
  }
  return state;
}

void Discovery::write(metrics::SeriesWriter& writer) const {
  const std::lock_guard lock(mutex_);
  writer.family(kContainers);
  writer.sample(static_cast<double>(table_->containers().size()));
  writer.family(kUnlisted);
  writer.sample(static_cast<double>(index_.unlisted()));
  writer.family(kOverflowed);
  writer.sample(static_cast<double>(index_.overflowed()));
  writer.family(kUndecided);
  writer.sample(static_cast<double>(index_.undecided()));
  if (index_.names() != nullptr) {
    writer.family(kSourceUp);
    for (const auto& source : index_.names()->sources()) {
      if (!source->present()) continue;
      writer.sample(metrics::Labels{{"source", source->word()}}, source->up() ? 1 : 0);
    }
  }
  writer.family(kRescans);
  writer.sample(static_cast<double>(rescans_));
  writer.family(kIncomplete);
  writer.sample(incomplete_ ? 1 : 0);
}

std::span<const MetricRow> Discovery::metrics() {
  return kRows;
}

}  // namespace sonde::exporter
