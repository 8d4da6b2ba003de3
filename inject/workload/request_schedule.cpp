#include "inject/workload/request_schedule.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::seconds kLatest(1);  // beyond it a request is skipped

}  // namespace

std::optional<SteadyTime> RequestSchedule::take(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  return take_locked(now);
}

std::optional<SteadyTime> RequestSchedule::take_locked(SteadyTime now) {
  const auto spacing =
      std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(1.0 / rate_));
  if (now - next_ > kLatest) {
    const auto missed = static_cast<uint64_t>((now - next_ - kLatest) / spacing) + 1;
    skipped_ += missed;
    next_ += spacing * static_cast<SteadyClock::rep>(missed);
  }
  if (next_ > now) return std::nullopt;
  const SteadyTime due = next_;
  next_ += spacing;
  return due;
}

std::optional<SteadyTime> RequestSchedule::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!turn_.wait(lock, stop, [this] { return !watched_; })) return std::nullopt;
  watched_ = true;
  std::optional<SteadyTime> due;
  while (!stop.stop_requested() && !(due = take_locked(SteadyClock::now()))) {
    changed_.wait_until(lock, stop, next_, [this, seen = next_] { return next_ != seen; });
  }
  watched_ = false;
  turn_.notify_one();
  return due;
}

void RequestSchedule::set_rate(double rate, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (rate == rate_) return;
  if (next_ > now) {
    const std::chrono::duration<double> left = next_ - now;
    next_ = now + std::chrono::duration_cast<SteadyClock::duration>(left * (rate_ / rate));
  }
  rate_ = rate;
  changed_.notify_one();
}

double RequestSchedule::rate() const {
  const std::lock_guard lock(mutex_);
  return rate_;
}

uint64_t RequestSchedule::skipped() const {
  const std::lock_guard lock(mutex_);
  return skipped_;
}

}  // namespace sonde::inject
