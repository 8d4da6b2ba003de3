#include "exporter/flows/tracing/waits.h"

#include <algorithm>

namespace sonde::exporter {

Waits::Waits(std::span<const trace_event* const> events) {
  for (const trace_event* event : events) {
    if (event->layer == SONDE_TRACE_RUN_QUEUE && event->value < event->time_ns) {
      std::vector<Wait>& waits = threads_[event->thread].waits;
      const uint64_t from =
          waits.empty() ? event->value : std::max<uint64_t>(event->value, waits.back().to_ns);
      if (from < event->time_ns) waits.push_back({from, event->time_ns});
    } else if (event->layer == SONDE_TRACE_WRITE || event->layer == SONDE_TRACE_READ) {
      threads_[event->thread].uses.push_back(event->time_ns);
    }
  }
}

int64_t Waits::within(uint32_t thread, uint64_t from_ns, uint64_t to_ns) const {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return 0;
  const std::vector<Wait>& waits = found->second.waits;
  uint64_t sum = 0;
  auto wait = std::ranges::upper_bound(waits, from_ns, {}, &Wait::to_ns);
  for (; wait != waits.end() && wait->from_ns < to_ns; ++wait) {
    const uint64_t from = std::max(from_ns, wait->from_ns);
    const uint64_t to = std::min(to_ns, wait->to_ns);
    if (to > from) sum += to - from;
  }
  return static_cast<int64_t>(sum);
}

int64_t Waits::before_use(uint32_t thread, uint64_t at_ns) const {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return 0;
  const std::vector<uint64_t>& uses = found->second.uses;
  const auto use = std::ranges::lower_bound(uses, at_ns);
  if (use == uses.begin()) return 0;
  return within(thread, *(use - 1), at_ns);
}

}  // namespace sonde::exporter
