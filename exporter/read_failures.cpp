#include "exporter/read_failures.h"

namespace sonde::exporter {
namespace {

constexpr std::array<std::string_view, 3> kReasons{"vanished", "unreadable", "malformed"};

}  // namespace

const metrics::MetricRow kReadFailuresRow{
    "sonde_exporter_read_failures_total", metrics::MetricType::kCounter, "", "collector,reason",
    "Files of /proc or a cgroup that gave no value, by reason: vanished, unreadable or malformed."};

void ReadFailures::declare(std::string_view collector) {
  const std::lock_guard lock(mutex_);
  counts_.try_emplace(std::string(collector));
}

void ReadFailures::add(std::string_view collector, ReadFailure failure) {
  const std::lock_guard lock(mutex_);
  ++counts_.try_emplace(std::string(collector)).first->second[static_cast<size_t>(failure)];
}

uint64_t ReadFailures::count(std::string_view collector, ReadFailure failure) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(collector);
  return found == counts_.end() ? 0 : found->second[static_cast<size_t>(failure)];
}

void ReadFailures::write(metrics::SeriesWriter& writer) const {
  const std::lock_guard lock(mutex_);
  writer.family(kReadFailuresRow);
  for (const auto& [collector, counts] : counts_) {
    for (size_t i = 0; i < counts.size(); ++i) {
      writer.sample({{"collector", collector}, {"reason", kReasons[i]}}, static_cast<double>(counts[i]));
    }
  }
}

}  // namespace sonde::exporter
