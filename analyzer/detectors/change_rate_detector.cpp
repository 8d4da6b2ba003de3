#include "analyzer/detectors/change_rate_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace sonde::analyzer {
namespace {

double seconds(int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000.0;
}

bool present(const DetectorInput& input, size_t row) {
  return std::ranges::any_of(input.containers, [&](const auto& entry) {
    const Frame& frame = entry.second;
    return frame.columns > 0 && !is_gap(frame.row(row).back());
  });
}

/// How many elements of `a` are not in `b`.
template <class Set>
size_t count_missing(const Set& a, const Set& b) {
  return static_cast<size_t>(
      std::ranges::count_if(a, [&](const auto& element) { return !b.contains(element); }));
}

}  // namespace

void ChangeRateDetector::observe(const Key& service, const Instances& now, int64_t now_ms) {
  const auto found = states_.find(service);
  if (found == states_.end()) {
    State state{ChangeRate(options_.rate, seconds(now_ms), now.size()), now, now.size(), now_ms, now_ms};
    states_.emplace(service, std::move(state));
    return;
  }
  State& state = found->second;
  if (!now.empty()) state.last_seen_ms = now_ms;
  const size_t added = count_missing(now, state.instances);
  const size_t removed = count_missing(state.instances, now);
  if (added + removed == 0) return;
  state.before = state.instances.size();
  state.rate.update(seconds(now_ms), added, removed, now.size());
  state.instances = now;
}

std::vector<Score> ChangeRateDetector::evaluate(const DetectorInput& input) {
  std::map<Key, Instances> now;
  for (const auto& [service, state] : states_) now[service];  // a service may have lost all of them
  for (size_t row = 0; row < input.entities.size(); ++row) {
    const Entity& entity = input.entities[row];
    if (entity.container.empty() || !present(input, row)) continue;
    now[{entity.name_space, entity.service}].emplace(entity.pod, entity.container);
  }
  const bool any = std::ranges::any_of(now, [](const auto& entry) { return !entry.second.empty(); });
  // Where nothing at all is left the measuring stopped, not the services.
  if (any) {
    for (const auto& [service, instances] : now) observe(service, instances, input.now_ms);
  }
  std::erase_if(states_, [&](const auto& entry) {
    return seconds(input.now_ms - entry.second.last_seen_ms) > options_.forget_seconds;
  });

  std::vector<double> rates;
  for (const auto& [service, state] : states_) {
    const double time = seconds(input.now_ms);
    const double rate = options_.normalised ? state.rate.normalised_rate(time) : state.rate.rate(time);
    if (rate > 0) rates.push_back(rate);
  }
  const std::optional<double> threshold = change_rate_threshold(rates, options_.minimum_services);
  const double mean =
      rates.empty() ? 0
                    : std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());

  std::vector<Score> scores;
  for (const auto& entry : states_) {
    const Key& service = entry.first;
    const auto& state = entry.second;
    const double time = seconds(input.now_ms);
    Score& score = scores.emplace_back();
    score.detector = kName;
    score.entity = {service.first, "", "", service.second};
    score.value = options_.normalised ? state.rate.normalised_rate(time) : state.rate.rate(time);
    score.threshold = threshold.value_or(std::numeric_limits<double>::quiet_NaN());
    score.inconclusive = !threshold;
    if (score.inconclusive) {
      score.reason = "too few services change to say what is usual: " + std::to_string(rates.size()) +
                     " of the " + std::to_string(options_.minimum_services) + " needed";
    }
    score.anomalous = threshold && score.value > *threshold;
    const std::string series = "containers of " + service.first + "/" + service.second;
    const auto evidence = [&](const char* quantity, double value, double expected, const char* unit) {
      Evidence one;
      one.quantity = quantity;
      one.series = series;
      one.start_ms = state.start_ms;
      one.end_ms = input.now_ms;
      one.value = value;
      one.expected = expected;
      one.unit = unit;
      score.evidence.push_back(std::move(one));
    };
    evidence("change_rate", score.value, mean, options_.normalised ? "changes/s/instance" : "changes/s");
    evidence("instances", static_cast<double>(state.instances.size()), static_cast<double>(state.before),
             "containers");
  }
  return scores;
}

}  // namespace sonde::analyzer
