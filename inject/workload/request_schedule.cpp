#include "inject/workload/request_schedule.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::seconds kLatest(1);  // beyond it a request is skipped

}  // namespace

SteadyTime RequestSchedule::next(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const auto spacing =
      std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(1.0 / rate_));
  if (now - next_ > kLatest) {
    const auto missed = static_cast<uint64_t>((now - next_ - kLatest) / spacing) + 1;
    skipped_ += missed;
    next_ += spacing * static_cast<SteadyClock::rep>(missed);
  }
  const SteadyTime due = next_;
  next_ += spacing;
  return due;
}

void RequestSchedule::set_rate(double rate) {
  const std::lock_guard lock(mutex_);
  rate_ = rate;
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
