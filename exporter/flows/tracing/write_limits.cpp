#include "exporter/flows/tracing/write_limits.h"

#include <algorithm>

namespace sonde::exporter {
namespace {

int64_t& cause_of(WriteLimits::Split& split, uint8_t flags) {
  if ((flags & SONDE_TRACE_WINDOW_FULL) != 0) return split.window;
  if ((flags & (SONDE_TRACE_CONGESTION_FULL | SONDE_TRACE_NAGLE)) != 0) return split.acknowledgement;
  return split.own;
}

}  // namespace

void WriteLimits::add(const trace_event& event) {
  points_.push_back({.time_ns = event.time_ns, .flags = event.flags, .so_far = at(event.time_ns)});
}

WriteLimits::Split WriteLimits::at(uint64_t time_ns) const {
  auto next = std::ranges::upper_bound(points_, time_ns, {}, &Point::time_ns);
  if (next == points_.begin()) return {};
  const Point& last = *(next - 1);
  Split split = last.so_far;
  cause_of(split, last.flags) += static_cast<int64_t>(time_ns - last.time_ns);
  return split;
}

WriteLimits::Split WriteLimits::between(uint64_t from_ns, uint64_t to_ns) const {
  if (to_ns <= from_ns) return {};
  const Split from = at(from_ns);
  const Split to = at(to_ns);
  return {.window = to.window - from.window,
          .acknowledgement = to.acknowledgement - from.acknowledgement,
          .own = to.own - from.own};
}

}  // namespace sonde::exporter
