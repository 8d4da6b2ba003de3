#include "common/http/access/bcrypt.h"

#include <crypt.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace sonde::http {
namespace {

constexpr size_t kBcryptLength = 60;    // "$2y$10$", 22 characters of salt, 31 of hash
constexpr size_t kBcryptSettings = 29;  // all but the hash

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_bcrypt_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
}

}  // namespace

bool is_bcrypt_hash(std::string_view text) {
  if (text.size() != kBcryptLength) return false;
  const bool prefix = text.starts_with("$2a$") || text.starts_with("$2b$") || text.starts_with("$2y$");
  if (!prefix || !is_digit(text[4]) || !is_digit(text[5]) || text[6] != '$') return false;
  const unsigned cost = bcrypt_cost(text);
  return cost >= 4 && cost <= 31 && std::all_of(text.begin() + 7, text.end(), is_bcrypt_character);
}

unsigned bcrypt_cost(std::string_view hash) {
  return static_cast<unsigned>(hash[4] - '0') * 10 + static_cast<unsigned>(hash[5] - '0');
}

bool bcrypt_matches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();  // 32 KB
  const char* const made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  // The salt's last character has bits that do not count: libxcrypt clears them, others may not have.
  const bool same = made != nullptr && std::strlen(made) == kBcryptLength &&
                    CRYPTO_memcmp(made + kBcryptSettings, hash.data() + kBcryptSettings,
                                  kBcryptLength - kBcryptSettings) == 0;
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return same && password.find('\0') == std::string::npos;
}

}  // namespace sonde::http
