#include "exporter/scaled_counts.h"

#include <chrono>
#include <utility>

namespace sonde::exporter {
namespace {

using Seconds = std::chrono::duration<double>;

}  // namespace

ScaledCounts::KeyState& ScaledCounts::state_of(const MapKey& key) {
  KeyState& state = keys_[key];
  if (state.counted.empty()) {
    state.counted.assign(width_, 0);
    state.scaled.assign(width_, 0);
  }
  return state;
}

void ScaledCounts::set_baseline(const MapReading& reading) {
  for (size_t i = 0; i < reading.keys.size(); ++i) {
    const auto counts = reading.counts_of(i);
    state_of(reading.keys[i]).counted.assign(counts.begin(), counts.end());
  }
}

void ScaledCounts::add(KeyState& state, std::span<const uint64_t> counts, double scale) const {
  for (size_t field = 0; field < counts.size(); ++field) {
    const auto increment = static_cast<double>(counts[field] - state.counted[field]);
    state.scaled[field] += field < sampled_ ? increment * scale : increment;
    state.counted[field] = counts[field];
  }
}

void ScaledCounts::add_window(const MapReading& reading, SteadyClock::duration length, SteadyTime end) {
  length += std::exchange(unread_, {});
  const SteadyClock::duration passed = end - std::exchange(last_end_, end);
  in_windows_ += length;
  observed_ += passed;
  const double scale = Seconds(passed) / Seconds(length);
  for (size_t i = 0; i < reading.keys.size(); ++i) {
    add(state_of(reading.keys[i]), reading.counts_of(i), scale);
  }
}

void ScaledCounts::read(MapReading& reading) const {
  reading.width = width_;
  reading.keys.clear();
  reading.counts.clear();
  for (const auto& [key, state] : keys_) {
    reading.keys.push_back(key);
    for (const double scaled : state.scaled) reading.counts.push_back(static_cast<uint64_t>(scaled));
  }
}

std::vector<uint64_t> ScaledCounts::take(const MapKey& key, std::span<const uint64_t> last) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {};
  add(found->second, last, 1 / ratio_);
  std::vector<uint64_t> counts;
  for (const double scaled : found->second.scaled) counts.push_back(static_cast<uint64_t>(scaled));
  keys_.erase(found);
  return counts;
}

double ScaledCounts::share() const {
  return observed_.count() == 0 ? ratio_ : Seconds(in_windows_) / Seconds(observed_);
}

}  // namespace sonde::exporter
