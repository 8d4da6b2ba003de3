#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/result.h"

struct redisContext;  // NOLINT(readability-identifier-naming): hiredis's name

namespace sonde::demo {

/// One connection to Redis that is opened at first use and again after a failure.
///
/// Errors: kUnavailable where Redis does not answer; the next call connects anew.
/// Threads: one.
class RedisClient {
 public:
  RedisClient(std::string host, uint16_t port) : host_(std::move(host)), port_(port) {}

  /// The value under the key, or nothing where Redis has none.
  Result<std::optional<std::string>> get(const std::string& key);
  /// Stores the value; Redis forgets it after `lifetime`.
  Result<void> set(const std::string& key, const std::string& value, std::chrono::milliseconds lifetime);

 private:
  struct Disconnect {
    void operator()(redisContext* context) const;
  };

  Result<redisContext*> connection();
  Error lost(std::string_view doing);

  std::string host_;
  uint16_t port_;
  std::unique_ptr<redisContext, Disconnect> context_;
};

}  // namespace sonde::demo
