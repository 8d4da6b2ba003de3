#include "inject/fault_publication.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service,fault";
constexpr MetricRow kActive{"sonde_fault_active", MetricType::kGauge, "", kLabels,
                            "1 while an injected fault is in place and its effect was measured, else 0."};
constexpr MetricRow kStart{"sonde_fault_start_timestamp_seconds", MetricType::kGauge, "seconds", kLabels,
                           "When the fault was put into effect; absent until its effect was measured."};
constexpr MetricRow kEnd{"sonde_fault_end_timestamp_seconds", MetricType::kGauge, "seconds", kLabels,
                         "When the fault was undone; absent until then."};
constexpr std::array kRows = {kActive, kStart, kEnd};

}  // namespace

std::span<const MetricRow> fault_metric_rows() {
  return kRows;
}

FaultPublication::FaultPublication(const identity::ContainerName& name, std::string_view fault)
    : labels_{{"namespace", name.name_space},
              {"pod", name.pod},
              {"container", name.container},
              {"service", name.service},
              {"fault", fault}},
      scraped_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void FaultPublication::set_active(double start_seconds) {
  const std::lock_guard lock(mutex_);
  start_seconds_ = start_seconds;
}

void FaultPublication::set_readings(std::vector<FaultReading> readings) {
  const std::lock_guard lock(mutex_);
  readings_ = std::move(readings);
}

void FaultPublication::set_ended(double end_seconds) {
  const std::lock_guard lock(mutex_);
  end_seconds_ = end_seconds;
}

void FaultPublication::write(metrics::SeriesWriter& writer, bool counts_as_scrape) {
  const std::lock_guard lock(mutex_);
  writer.family(kActive);
  writer.sample(labels_, start_seconds_ && !end_seconds_ ? 1 : 0);
  if (start_seconds_) {
    writer.family(kStart);
    writer.sample(labels_, *start_seconds_);
  }
  if (start_seconds_ && end_seconds_) {
    writer.family(kEnd);
    writer.sample(labels_, *end_seconds_);
  }
  for (const auto& reading : readings_) {
    writer.family(*reading.row);
    writer.sample(labels_, reading.value);
  }
  was_scraped_ = was_scraped_ || counts_as_scrape;
  if (end_seconds_ && counts_as_scrape) {
    ++scrapes_of_end_;
    const uint64_t one = 1;
    // It can only fail when the counter is full, and then it is readable.
    [[maybe_unused]] const ssize_t written = ::write(scraped_.get(), &one, sizeof one);
  }
}

bool FaultPublication::was_scraped() const {
  const std::lock_guard lock(mutex_);
  return was_scraped_;
}

unsigned FaultPublication::scrapes_of_end() const {
  const std::lock_guard lock(mutex_);
  return scrapes_of_end_;
}

}  // namespace sonde::inject
