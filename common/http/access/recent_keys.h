#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>

namespace sonde::http {

/// The keyed hash of a user, a stored hash and a password.
using VerdictKey = std::array<uint8_t, 32>;

/// A set of keys that holds the most recently used ones. Threads: one at a time.
class RecentKeys {
 public:
  explicit RecentKeys(size_t capacity) : capacity_(capacity) {}

  /// Whether it is there; if so it is the most recent now.
  bool holds(const VerdictKey& key);
  /// Puts it in, and the one that was not used for longest out if there are too many.
  void add(const VerdictKey& key);
  [[nodiscard]] size_t size() const { return keys_.size(); }

 private:
  size_t capacity_;
  std::list<VerdictKey> keys_;  // the most recent first
};

}  // namespace sonde::http
