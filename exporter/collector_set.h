#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/collector_worker.h"

namespace sonde::exporter {

/// Whether a scrape wants a collector, by name.
using CollectorFilter = std::function<bool(std::string_view name)>;

/// The collectors of the program. A scrape runs them in parallel and waits for each until the deadline; one
/// that is late or stuck costs its own metrics only. Threads: safe.
class CollectorSet {
 public:
  struct Member {
    std::string name;
    std::unique_ptr<Collector> collector;
  };
  explicit CollectorSet(std::vector<Member> members);
  /// Waits for every collector to return: call stop() first.
  ~CollectorSet();
  CollectorSet(const CollectorSet&) = delete;
  CollectorSet& operator=(const CollectorSet&) = delete;

  /// Writes what the wanted collectors give, in the order of the members, then the families of metrics().
  void scrape(const std::shared_ptr<const ContainerTable>& containers, SteadyTime deadline,
              const CollectorFilter& wanted, metrics::SeriesWriter& writer);

  [[nodiscard]] bool contains(std::string_view name) const;
  /// The members' names, separated by commas.
  [[nodiscard]] std::string names() const;

  /// Ends the threads; returns false if a collector was still stuck after `patience`: then the process must
  /// end without running destructors.
  bool stop(SteadyClock::duration patience);

  static std::span<const metrics::MetricRow> metrics();

 private:
  void report_change(const std::string& name, const std::string& error);

  std::vector<std::unique_ptr<CollectorWorker>> workers_;
  std::mutex mutex_;                           ///< guards errors_
  std::map<std::string, std::string> errors_;  ///< of those that failed last time, so that it is logged once
};

}  // namespace sonde::exporter
