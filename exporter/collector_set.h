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

/// Gives the containers as of now.
using ContainerSource = std::function<std::shared_ptr<const ContainerTable>()>;

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
  /// Returns the table that they were given. Of parallel scrapes no collector gets an older table after a
  /// newer one: to it, a container that is missing has ended.
  std::shared_ptr<const ContainerTable> scrape(const ContainerSource& containers_now, SteadyTime deadline,
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
  std::mutex order_;                           ///< held from taking a table until all workers have it
  std::mutex mutex_;                           ///< guards errors_
  std::map<std::string, std::string> errors_;  ///< of those that failed last time, so that it is logged once
};

}  // namespace sonde::exporter
