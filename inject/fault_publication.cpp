#include "inject/fault_publication.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service,fault";
constexpr MetricRow kActive{"sonde_fault_active", MetricType::kGauge, "", kLabels,
                            "1 while an injected fault is in place and its effect was measured, else 0."};
constexpr MetricRow kPlaced{"sonde_fault_in_place", MetricType::kGauge, "", kLabels,
                            "1 from an injected fault's first moment to its undo, proven or not, else 0."};
constexpr MetricRow kStart{"sonde_fault_start_timestamp_seconds", MetricType::kGauge, "seconds", kLabels,
                           "When the fault was put into effect; absent until its effect was measured."};
constexpr MetricRow kEnd{"sonde_fault_end_timestamp_seconds", MetricType::kGauge, "seconds", kLabels,
                         "When the fault was undone; absent until then."};
constexpr MetricRow kLevel{
    "sonde_fault_level_ratio", MetricType::kGauge, "ratio", kLabels,
    "How much of what was asked for is asked for, as last measured: 1, unless --shape says otherwise."};
constexpr std::array kRows = {kActive, kPlaced, kStart, kEnd, kLevel};

}  // namespace

std::span<const MetricRow> fault_metric_rows() {
  return kRows;
}

const MetricRow& level_metric() {
  return kRows.back();
}

FaultPublication::FaultPublication() : scraped_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

size_t FaultPublication::add(const identity::ContainerName& name, std::string_view fault) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.name == name && entry.fault == fault; });
  if (known != entries_.end()) return static_cast<size_t>(known - entries_.begin());
  const metrics::Labels labels{{"namespace", name.name_space},
                               {"pod", name.pod},
                               {"container", name.container},
                               {"service", name.service},
                               {"fault", fault}};
  entries_.push_back({name, std::string(fault), labels, false, false, {}, {}, {}});
  return entries_.size() - 1;
}

void FaultPublication::set_placed(size_t fault) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(fault);
  entry.placed = true;
  entry.left = false;
  entry.start_seconds.reset();
  entry.end_seconds.reset();
  entry.readings.clear();
  scrapes_of_end_ = 0;
}

void FaultPublication::set_active(size_t fault, double start_seconds) {
  const std::lock_guard lock(mutex_);
  entries_.at(fault).start_seconds = start_seconds;
}

void FaultPublication::set_readings(size_t fault, std::vector<FaultReading> readings) {
  const std::lock_guard lock(mutex_);
  entries_.at(fault).readings = std::move(readings);
}

void FaultPublication::set_left(size_t fault) {
  const std::lock_guard lock(mutex_);
  entries_.at(fault).left = true;
}

void FaultPublication::set_ended(size_t fault, double end_seconds) {
  const std::lock_guard lock(mutex_);
  entries_.at(fault).placed = false;
  entries_.at(fault).end_seconds = end_seconds;
  scrapes_of_end_ = 0;
}

void FaultPublication::write(metrics::SeriesWriter& writer, bool counts_as_scrape) {
  const std::lock_guard lock(mutex_);
  write_times(writer);
  write_readings(writer);
  was_scraped_ = was_scraped_ || counts_as_scrape;
  if (counts_as_scrape && shows_an_end()) {
    ++scrapes_of_end_;
    const uint64_t one = 1;
    // It can only fail when the counter is full, and then it is readable.
    [[maybe_unused]] const ssize_t written = ::write(scraped_.get(), &one, sizeof one);
  }
}

void FaultPublication::write_times(metrics::SeriesWriter& writer) const {
  writer.family(kActive);
  for (const Entry& entry : entries_) {
    writer.sample(entry.labels, entry.placed && !entry.left && entry.start_seconds ? 1 : 0);
  }
  writer.family(kPlaced);
  for (const Entry& entry : entries_) writer.sample(entry.labels, entry.placed ? 1 : 0);
  const auto write_time = [&](const MetricRow& row, std::optional<double> Entry::* time) {
    bool begun = false;
    for (const Entry& entry : entries_) {
      if (!entry.start_seconds || !(entry.*time)) continue;
      if (!begun) writer.family(row);
      begun = true;
      writer.sample(entry.labels, *(entry.*time));
    }
  };
  write_time(kStart, &Entry::start_seconds);
  write_time(kEnd, &Entry::end_seconds);
}

void FaultPublication::write_readings(metrics::SeriesWriter& writer) const {
  std::vector<const MetricRow*> rows;
  for (const Entry& entry : entries_) {
    for (const FaultReading& reading : entry.readings) {
      if (std::ranges::count(rows, reading.row) == 0) rows.push_back(reading.row);
    }
  }
  for (const MetricRow* row : rows) {
    writer.family(*row);
    for (const Entry& entry : entries_) {
      const auto reading = std::ranges::find(entry.readings, row, &FaultReading::row);
      if (reading != entry.readings.end()) writer.sample(entry.labels, reading->value);
    }
  }
}

bool FaultPublication::shows_an_end() const {
  const auto ended = [](const Entry& entry) { return entry.end_seconds.has_value(); };
  const auto placed = [](const Entry& entry) { return entry.placed; };
  return std::ranges::any_of(entries_, ended) && std::ranges::none_of(entries_, placed);
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
