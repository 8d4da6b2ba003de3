#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "common/http/access/credentials.h"
#include "common/http/access/recent_keys.h"
#include "common/http/access/waiting_places.h"

namespace sonde::http {

/// Checks passwords against bcrypt hashes without letting anybody turn that into load: one bcrypt runs at a
/// time in the process; at most 6 requests wait for it, 3 of one address; what came out is remembered, as
/// hashes under a key that only this object knows. Right and wrong passwords are remembered apart, so that
/// guesses push no right one out. An unknown user costs the same bcrypt as a known one.
///
/// Threads: safe.
class PasswordCheck {
 public:
  enum class Verdict {
    kRight,
    kWrong,
    kBusy,  ///< too many wait; nothing was checked
  };
  static constexpr size_t kRightRemembered = 64;
  static constexpr size_t kWrongRemembered = 256;
  static constexpr size_t kWaiting = 6;
  static constexpr size_t kWaitingOfOneAddress = 3;

  PasswordCheck();

  /// `users`: name → bcrypt hash; at least one. May take as long as the bcrypts of all that wait.
  Verdict check(const std::map<std::string, std::string>& users, const Credentials& credentials,
                const std::string& remote_address);

  /// How many bcrypts were run so far, for tests.
  [[nodiscard]] uint64_t evaluations() const;
  /// How many passwords are remembered, for tests.
  [[nodiscard]] size_t remembered() const;

 private:
  [[nodiscard]] VerdictKey key_of(const Credentials& credentials, const std::string& hash) const;
  /// kBusy: neither is remembered.
  Verdict remembered_verdict(const VerdictKey& key);

  std::array<uint8_t, 32> secret_{};
  WaitingPlaces places_{kWaiting, kWaitingOfOneAddress};
  std::mutex one_bcrypt_;  // held while one runs

  mutable std::mutex mutex_;  // guards all below
  RecentKeys right_{kRightRemembered};
  RecentKeys wrong_{kWrongRemembered};
  uint64_t evaluations_ = 0;
};

}  // namespace sonde::http
