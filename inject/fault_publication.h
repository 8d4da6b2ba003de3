#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/file_descriptor.h"
#include "common/metrics/series_writer.h"
#include "identity/container_name.h"
#include "inject/fault.h"

namespace sonde::inject {

/// The metrics that every fault has, for the documentation.
std::span<const metrics::MetricRow> fault_metric_rows();

/// What /metrics says of the fault. The series exist from the first scrape on with sonde_fault_active 0; the
/// start time appears when the fault is proven, the end time when it is undone. Threads: safe.
class FaultPublication {
 public:
  FaultPublication(const identity::ContainerName& name, std::string_view fault);

  /// The fault is proven: active from now on. `start_seconds` is when it was put into effect, which was a
  /// little earlier. Unit: seconds since the Unix epoch.
  void set_active(double start_seconds);
  void set_readings(std::vector<FaultReading> readings);
  /// The fault is undone.
  void set_ended(double end_seconds);

  /// Writes all series, and counts a scrape that shows the end.
  void write(metrics::SeriesWriter& writer, bool counts_as_scrape);
  /// Whether anyone has ever scraped it.
  [[nodiscard]] bool was_scraped() const;
  /// How often the end has been scraped.
  [[nodiscard]] unsigned scrapes_of_end() const;
  /// An eventfd that becomes readable when the end is scraped; read it to wait for the next.
  [[nodiscard]] int scraped_descriptor() const { return scraped_.get(); }

 private:
  const metrics::Labels labels_;
  const FileDescriptor scraped_;
  mutable std::mutex mutex_;  // guards all below
  std::optional<double> start_seconds_;
  std::optional<double> end_seconds_;
  std::vector<FaultReading> readings_;
  bool was_scraped_ = false;
  unsigned scrapes_of_end_ = 0;
};

}  // namespace sonde::inject
