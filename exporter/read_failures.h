#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::exporter {

/// Why a file of /proc or a cgroup gave no value.
enum class ReadFailure {
  kVanished,    ///< it was there before: its container went while it was read
  kUnreadable,  ///< the kernel refused
  kMalformed,   ///< its content is empty or of another form
};

/// Counts files that gave no value, per collector: one such file costs its own samples and a count here,
/// never the scrape. Threads: safe.
class ReadFailures {
 public:
  /// Makes the collector's counters visible from 0.
  void declare(std::string_view collector);
  void add(std::string_view collector, ReadFailure failure);
  [[nodiscard]] uint64_t count(std::string_view collector, ReadFailure failure) const;

  /// Writes the family sonde_exporter_read_failures_total.
  void write(metrics::SeriesWriter& writer) const;

 private:
  mutable std::mutex mutex_;  ///< guards counts_
  std::map<std::string, std::array<uint64_t, 3>, std::less<>> counts_;
};

/// sonde_exporter_read_failures_total
extern const metrics::MetricRow kReadFailuresRow;

}  // namespace sonde::exporter
