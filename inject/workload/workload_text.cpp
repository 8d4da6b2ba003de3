#include "inject/workload/workload_text.h"

#include <fmt/format.h>

#include "common/duration.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::hours kLongestDay(24 * 366);

void read_curve(const WorkloadText& text, const WorkloadComplaint& complain, RateCurve& curve) {
  if (!text.steps.empty() && !text.day.empty()) {
    return complain("day", ": a workload has steps or a day, not both; leave one out");
  }
  if (!text.steps.empty()) {
    auto steps = RateCurve::parse_steps(text.steps);
    if (!steps) return complain("steps", fmt::format("={}: {}", text.steps, steps.error().message));
    curve = std::move(*steps);
  }
  if (text.day.empty()) return;
  const auto day = parse_duration(text.day);
  if (!day || day->count() == 0 || *day > kLongestDay) {
    return complain("day", fmt::format("={}: no duration; write for example 10m or 24h", text.day));
  }
  if (!(text.swing >= 0 && text.swing < 1)) {
    return complain("swing", fmt::format("={}: give a number from 0 to below 1", text.swing));
  }
  curve = RateCurve::daily(*day, text.swing);
}

}  // namespace

WorkloadOptions read_workload(const WorkloadText& text, const WorkloadComplaint& complain) {
  WorkloadOptions options;
  auto target = RequestTarget::parse(text.url);
  if (target) {
    options.requests.target = std::move(*target);
  } else {
    complain("url", fmt::format("={}: {}", text.url, target.error().message));
  }
  if (!(text.rate >= kLowestRate && text.rate <= kHighestRate)) {
    complain("rate", fmt::format("={}: give requests per second from {} to {}", text.rate, kLowestRate,
                                 kHighestRate));
  }
  if (text.workers < 1 || text.workers > kMostWorkers) {
    complain("workers", fmt::format("={}: give a number from 1 to {}", text.workers, kMostWorkers));
  }
  read_curve(text, complain, options.curve);
  options.rate = text.rate;
  options.requests.workers = static_cast<unsigned>(text.workers);
  options.requests.network_namespace = text.network_namespace;
  return options;
}

}  // namespace sonde::inject
