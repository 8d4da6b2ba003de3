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

std::vector<uint64_t> SyscallSampler::take(const MapKey& key) {
  const std::lock_guard lock(mutex_);
  return scaled_.take(key, counts_.take(key));
}

double SyscallSampler::share() const {
  const std::lock_guard lock(mutex_);
  return scaled_.share();
}

}  // namespace sonde::exporter
