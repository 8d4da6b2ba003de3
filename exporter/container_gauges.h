#pragma once

#include <optional>
#include <span>

#include "common/metrics/series_writer.h"
#include "exporter/container_table.h"

namespace sonde::exporter {

/// Writes gauges of what was read of each container: one row for each that is shown and has the value.
/// `Reading` holds the values as optional numbers.
template <class Reading>
class ContainerGauges {
 public:
  /// `readings` are those of `containers`, in their order; both outlive it, and so does the writer.
  ContainerGauges(std::span<const Container> containers, std::span<const Reading> readings,
                  metrics::SeriesWriter& writer)
      : containers_(containers), readings_(readings), writer_(&writer) {}

  template <class Number>
  void write(const metrics::MetricRow& family, std::optional<Number> Reading::* value) const {
    writer_->family(family);
    for (size_t i = 0; i < containers_.size(); ++i) {
      const std::optional<Number>& number = readings_[i].*value;
      if (containers_[i].shown && number) {
        writer_->sample(containers_[i].labels, static_cast<double>(*number));
      }
    }
  }

 private:
  std::span<const Container> containers_;
  std::span<const Reading> readings_;
  metrics::SeriesWriter* writer_;
};

}  // namespace sonde::exporter
