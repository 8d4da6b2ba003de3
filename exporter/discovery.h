#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>

#include "common/clock.h"
#include "common/metrics/series_writer.h"
#include "exporter/cgroup_watch.h"
#include "exporter/container_index.h"
#include "exporter/pod_networks.h"

namespace sonde::exporter {

struct DiscoveryOptions {
  identity::HostRoots roots;
  identity::CgroupMounts mounts;
  /// How often all cgroups are listed although nothing was announced.
  std::chrono::milliseconds rescan_interval = std::chrono::seconds(60);
  std::shared_ptr<identity::FileBudget> open_files = std::make_shared<identity::FileBudget>(256);
  ContainerIndexOptions containers{};
};

/// What is known of the node's containers at one time.
struct DiscoveryState {
  size_t containers = 0;  ///< also those whose runtime has not told their names yet
  /// Who is asked for names, and whether it could be asked last time.
  std::map<std::string, bool, std::less<>> name_sources{};
};

/// Knows the containers of the node at any time: what the watch announces is taken over by a thread of its
/// own and at each snapshot(), so that a scrape sees every cgroup that was made before it. Threads: safe.
class Discovery {
 public:
  /// `watch` may be null: then all cgroups are listed at each snapshot. `names` may be null: then no runtime
  /// is asked.
  Discovery(DiscoveryOptions options, std::unique_ptr<identity::ContainerNames> names,
            std::unique_ptr<CgroupWatch> watch);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  /// The containers as of now.
  std::shared_ptr<const ContainerTable> snapshot();

  /// As of the last snapshot.
  [[nodiscard]] DiscoveryState state() const;

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  void run(const std::stop_token& stop);
  void take_events(SteadyTime now);
  void rescan(SteadyTime now);

  const identity::HostRoots roots_;
  const identity::CgroupMounts mounts_;
  const std::chrono::milliseconds rescan_interval_;
  std::unique_ptr<CgroupWatch> watch_;
  int wake_descriptor_;

  mutable std::mutex mutex_;  ///< guards everything below, and the calls of watch_ but descriptor()
  ContainerIndex index_;
  PodNetworks networks_;
  std::shared_ptr<const ContainerTable> table_;
  bool rescan_wanted_ = true;
  SteadyTime last_rescan_;
  uint64_t rescans_ = 0;
  bool incomplete_ = false;

  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::exporter
