#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/file_descriptor.h"
#include "common/metrics/series_writer.h"
#include "identity/container_name.h"
#include "inject/fault.h"

namespace sonde::inject {

/// The metrics that every fault has, for the documentation.
std::span<const metrics::MetricRow> fault_metric_rows();

/// Of those the one that every fault has among its readings: its level.
const metrics::MetricRow& level_metric();

/// What /metrics says of faults, each of them one fault in one container. The series of a fault exist from
/// the first scrape on with sonde_fault_active 0; the start time appears when it is proven, the end time when
/// it is undone. All times: seconds since the Unix epoch. Threads: safe.
class FaultPublication {
 public:
  FaultPublication();

  /// The number of the fault in this container; the same one again for the same names.
  size_t add(const identity::ContainerName& name, std::string_view fault);

  /// Something is done to the container from now on; what was known of an earlier time is forgotten.
  void set_placed(size_t fault);
  /// The fault is proven: active from now on. `start_seconds` is when it was put into effect, which was a
  /// little earlier.
  void set_active(size_t fault, double start_seconds);
  void set_readings(size_t fault, std::vector<FaultReading> readings);
  /// The fault could not be undone: it is in place still, but no longer active, and has no end.
  void set_left(size_t fault);
  /// The fault is undone.
  void set_ended(size_t fault, double end_seconds);

  /// Writes all series, and counts a scrape that shows an end that nothing followed.
  void write(metrics::SeriesWriter& writer, bool counts_as_scrape);
  /// Whether anyone has ever scraped it.
  [[nodiscard]] bool was_scraped() const;
  /// How often the last end has been scraped.
  [[nodiscard]] unsigned scrapes_of_end() const;
  /// An eventfd that becomes readable when the end is scraped; read it to wait for the next.
  [[nodiscard]] int scraped_descriptor() const { return scraped_.get(); }

 private:
  struct Entry {
    identity::ContainerName name;
    std::string fault;
    metrics::Labels labels;
    bool placed = false;
    bool left = false;  ///< placed, though it should be no more
    std::optional<double> start_seconds;
    std::optional<double> end_seconds;
    std::vector<FaultReading> readings;
  };

  void write_times(metrics::SeriesWriter& writer) const;
  void write_readings(metrics::SeriesWriter& writer) const;
  [[nodiscard]] bool shows_an_end() const;

  const FileDescriptor scraped_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Entry> entries_;
  bool was_scraped_ = false;
  unsigned scrapes_of_end_ = 0;
};

}  // namespace sonde::inject
