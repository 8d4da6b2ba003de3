#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/metrics/series_writer.h"
#include "exporter/container_totals.h"

namespace sonde::exporter {

/// Counters that the kernel keeps for each cgroup, as rows that outlive the cgroup: what one file tells.
/// Threads: one.
class ReadTotals {
 public:
  ReadTotals(size_t width, RowRetention retention)
      : totals_(width, std::move(retention)), increments_(width) {}

  /// Begins a scrape.
  void begin() { ++scrapes_; }
  /// What was read of a container: `width` counts since its cgroup was made, which are its own if it owns its
  /// past. Nothing is to be set where nothing could be read: its row stays as it is.
  void set(const Container& container, std::span<const uint64_t> counts);
  /// Ends the scrape. Counts that fell are taken as they were: a counter does not fall.
  void finish(const ContainerTable& containers, SteadyTime now);

  /// Writes a family of one of the counters, and that of the ended containers.
  struct Part {
    size_t field;
    metrics::Labels label{};
  };
  /// `per_unit`: how many of what is counted make one of the family's unit.
  void write(metrics::SeriesWriter& writer, const metrics::MetricRow& family, std::span<const Part> parts,
             double per_unit = 1) const;
  /// The same in pieces, for families that several write to.
  void write_rows(metrics::SeriesWriter& writer, std::span<const Part> parts, double per_unit) const;
  void write_ended(metrics::SeriesWriter& writer, std::span<const Part> parts, double per_unit) const;
  [[nodiscard]] bool has_ended() const { return !totals_.ended().empty(); }

 private:
  struct Known {
    std::vector<uint64_t> counts;  ///< those that are part of its row
    std::vector<uint64_t> value;   ///< read last
    uint64_t read_in = 0;          ///< number of the scrape
    uint64_t named_in = 0;         ///< number of the scrape
  };

  ContainerTotals totals_;
  uint64_t scrapes_ = 0;
  std::unordered_map<uint64_t, Known> known_;  ///< by life
  std::vector<uint64_t> increments_;
};

}  // namespace sonde::exporter
