#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "common/result.h"

namespace sonde::inject {

/// What a workload asks for: an http URL whose path may hold one range of whole numbers, {1-500}, of which
/// each request takes one, all alike often.
class RequestTarget {
 public:
  /// Errors: kInvalid, one line with the remedy; the value is not in it.
  static Result<RequestTarget> parse(std::string_view url);

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] uint16_t port() const { return port_; }
  /// Path and query of the next request.
  template <class Random>
  std::string next_path(Random& random) const {
    if (!has_range_) return before_;
    return before_ + std::to_string(std::uniform_int_distribution<uint64_t>(from_, to_)(random)) + after_;
  }

 private:
  Result<void> read_range(std::string_view path);

  std::string host_;
  uint16_t port_ = 80;
  std::string before_;  ///< the range, or the whole path where there is none
  std::string after_;
  bool has_range_ = false;
  uint64_t from_ = 0;
  uint64_t to_ = 0;
};

}  // namespace sonde::inject
