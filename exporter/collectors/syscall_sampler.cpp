#include "exporter/collectors/syscall_sampler.h"

#include <random>

#include "bpf/syscalls.h"

namespace sonde::exporter {
namespace {

using Seconds = std::chrono::duration<double>;

}  // namespace

SyscallSampler::SyscallSampler(BpfObject& object, SlotCounts& counts, double ratio,
                               SteadyClock::duration period)
    : object_(object),
      counts_(counts),
      ratio_(ratio),
      period_(period),
      scaled_(counts.width(), SONDE_SAMPLED_SYSCALL_COUNTS, ratio, SteadyClock::now()),
      last_window_(read_baseline()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SyscallSampler::~SyscallSampler() {
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
  object_.detach();
}

Result<void> SyscallSampler::read_baseline() {
  if (auto read = counts_.read(reading_); !read) return read;
  scaled_.set_baseline(reading_);
  return {};
}

bool SyscallSampler::sleep_until(const std::stop_token& stop, SteadyTime time) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

void SyscallSampler::run(const std::stop_token& stop) {
  std::minstd_rand random(std::random_device{}());
  const double gap = Seconds(period_).count() * (1 - ratio_);
  // By a random distance from the window before, not at a random place in a period of a fixed grid: there the
  // time since the last window depends on the place, and what repeats each period is counted wrong for ever.
  std::uniform_real_distribution<double> distance(gap / 2, gap * 3 / 2);
  while (sleep_until(stop, SteadyClock::now() + std::chrono::duration_cast<SteadyClock::duration>(
                                                    Seconds(distance(random))))) {
    auto sampled = sample(stop);
    const std::lock_guard lock(mutex_);
    last_window_ = std::move(sampled);
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
  if (auto read = counts_.read(reading_); !read) {
    scaled_.add_unread_window(end - begin);
    return read;
  }
  scaled_.add_window(reading_, end - begin, end);
  return {};
}

Result<void> SyscallSampler::read(MapReading& reading) {
  const std::lock_guard lock(mutex_);
  if (!last_window_) return last_window_;
  scaled_.read(reading);
  return {};
}

std::vector<CountSource::Taken> SyscallSampler::take(std::span<const MapKey> keys) {
  const std::lock_guard lock(mutex_);
  std::vector<Taken> taken = counts_.take(keys);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (taken[i]) taken[i] = scaled_.take(keys[i], *taken[i]);
  }
  return taken;
}

double SyscallSampler::share() const {
  const std::lock_guard lock(mutex_);
  return scaled_.share();
}

}  // namespace sonde::exporter
