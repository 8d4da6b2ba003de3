#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>

#include "common/clock.h"
#include "common/http/access/web_config.h"

namespace sonde::http {

/// Lets through `burst` requests at once, and one more each interval. Threads: safe.
class TokenBucket {
 public:
  /// Whether a request may pass now.
  bool take(const RateLimit& limit, SteadyTime now) {
    if (limit.interval.count() == 0) return true;
    const std::lock_guard lock(mutex_);
    const auto burst = static_cast<double>(limit.burst);
    const std::chrono::duration<double> passed = now - last_;
    tokens_ = last_ == SteadyTime() ? burst : std::min(burst, tokens_ + passed / limit.interval);
    last_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  std::mutex mutex_;  // guards all below
  double tokens_ = 0;
  SteadyTime last_;
};

}  // namespace sonde::http
