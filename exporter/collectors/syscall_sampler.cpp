#include "exporter/collectors/syscall_sampler.h"

#include <random>

namespace sonde::exporter {
namespace {

using Seconds = std::chrono::duration<double>;

}  // namespace

SyscallSampler::SyscallSampler(BpfObject& object, PerCpuHash& counts, double ratio,
                               SteadyClock::duration period)
    : object_(object),
      counts_(counts),
      ratio_(ratio),
      period_(period),
      last_end_(SteadyClock::now()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SyscallSampler::~SyscallSampler() {
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
  object_.detach();
}

bool SyscallSampler::sleep_until(const std::stop_token& stop, SteadyTime time) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void SyscallSampler::run(const std::stop_token& stop) {
  std::minstd_rand random(std::random_device{}());
  const auto window = std::chrono::duration_cast<SteadyClock::duration>(period_ * ratio_);
  std::uniform_real_distribution<double> phase(0, Seconds(period_ - window).count());
  SteadyTime period_start = SteadyClock::now();
  while (!stop.stop_requested()) {
    const auto offset = std::chrono::duration_cast<SteadyClock::duration>(Seconds(phase(random)));
    if (!sleep_until(stop, period_start + offset)) return;
    auto sampled = sample(stop);
    {
      const std::lock_guard lock(mutex_);
      last_window_ = std::move(sampled);
    }
    period_start = std::max(period_start + period_, SteadyClock::now());
    if (!sleep_until(stop, period_start)) return;
  }
}

Result<void> SyscallSampler::sample(const std::stop_token& stop) {
  if (auto attached = object_.attach(); !attached) return attached;
  const SteadyTime begin = SteadyClock::now();
  const auto window = std::chrono::duration_cast<SteadyClock::duration>(period_ * ratio_);
  sleep_until(stop, begin + window);
  const SteadyTime end = SteadyClock::now();
  object_.detach();
  const std::lock_guard lock(mutex_);
  if (auto read = counts_.read(reading_); !read) return read;
  add_window(end - begin, end);
  return {};
}

void SyscallSampler::add_window(SteadyClock::duration length, SteadyTime end) {
  const double scale = Seconds(end - last_end_) / Seconds(length);
  in_windows_ += length;
  observed_ += end - last_end_;
  last_end_ = end;
  for (size_t i = 0; i < reading_.keys.size(); ++i) {
    KeyState& state = keys_[reading_.keys[i]];
    if (state.counted.empty()) {
      state.counted.assign(width(), 0);
      state.scaled.assign(width(), 0);
    }
    const auto counts = reading_.counts_of(i);
    for (size_t field = 0; field < counts.size(); ++field) {
      state.scaled[field] += static_cast<double>(counts[field] - state.counted[field]) * scale;
      state.counted[field] = counts[field];
    }
  }
}

Result<void> SyscallSampler::read(MapReading& reading) {
  const std::lock_guard lock(mutex_);
  if (!last_window_) return last_window_;
  reading.width = width();
  reading.keys.clear();
  reading.counts.clear();
  for (const auto& [key, state] : keys_) {
    reading.keys.push_back(key);
    for (const double scaled : state.scaled) reading.counts.push_back(static_cast<uint64_t>(scaled));
  }
  return {};
}

std::vector<uint64_t> SyscallSampler::take(const MapKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(key);
  if (found == keys_.end()) return {};
  std::vector<uint64_t> counts;
  for (const double scaled : found->second.scaled) counts.push_back(static_cast<uint64_t>(scaled));
  keys_.erase(found);
  // What it counted in a window that is open now goes with it: nobody owned it for a minute.
  (void)counts_.take(key);
  return counts;
}

double SyscallSampler::share() const {
  const std::lock_guard lock(mutex_);
  return observed_.count() == 0 ? ratio_ : Seconds(in_windows_) / Seconds(observed_);
}

}  // namespace sonde::exporter
