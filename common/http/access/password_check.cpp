#include "common/http/access/password_check.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "common/http/access/bcrypt.h"

namespace sonde::http {
namespace {

/// A hash that no password has, as dear to check as the dearest of the users'.
std::string hash_of_nobody(const std::map<std::string, std::string>& users) {
  unsigned cost = 0;
  for (const auto& [user, hash] : users) cost = std::max(cost, bcrypt_cost(hash));
  return fmt::format("$2y${:02}$SondeHasNoSuchUserAt.u{:.>31}", cost, "");
}

}  // namespace

PasswordCheck::PasswordCheck() {
  if (RAND_bytes(secret_.data(), static_cast<int>(secret_.size())) != 1) {
    throw std::runtime_error("OpenSSL has no random bytes");
  }
}

PasswordCheck::Verdict PasswordCheck::check(const std::map<std::string, std::string>& users,
                                            const Credentials& credentials,
                                            const std::string& remote_address) {
  assert(!users.empty());
  const auto found = users.find(credentials.user);
  const bool known = found != users.end();
  const std::string hash = known ? found->second : hash_of_nobody(users);
  const VerdictKey key = key_of(credentials, hash);
  if (const Verdict verdict = remembered_verdict(key); verdict != Verdict::kBusy) return verdict;

  const WaitingPlaces::Place place(places_, remote_address);
  if (!place) return Verdict::kBusy;
  const std::lock_guard turn(one_bcrypt_);
  // Another connection of the same client may have been here meanwhile.
  if (const Verdict verdict = remembered_verdict(key); verdict != Verdict::kBusy) return verdict;
  const bool matches = bcrypt_matches(credentials.password, hash);
  const bool right = matches && known;
  const std::lock_guard lock(mutex_);
  ++evaluations_;
  (right ? right_ : wrong_).add(key);
  return right ? Verdict::kRight : Verdict::kWrong;
}

VerdictKey PasswordCheck::key_of(const Credentials& credentials, const std::string& hash) const {
  // A stored hash has a fixed length and a user's name no colon.
  const std::string text = hash + credentials.user + ':' + credentials.password;
  VerdictKey key{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data(), &length);
  if (length != key.size()) throw std::runtime_error("OpenSSL has no HMAC-SHA256");
  return key;
}

PasswordCheck::Verdict PasswordCheck::remembered_verdict(const VerdictKey& key) {
  const std::lock_guard lock(mutex_);
  if (right_.holds(key)) return Verdict::kRight;
  return wrong_.holds(key) ? Verdict::kWrong : Verdict::kBusy;
}

uint64_t PasswordCheck::evaluations() const {
  const std::lock_guard lock(mutex_);
  return evaluations_;
}

size_t PasswordCheck::remembered() const {
  const std::lock_guard lock(mutex_);
  return right_.size() + wrong_.size();
}

}  // namespace sonde::http
