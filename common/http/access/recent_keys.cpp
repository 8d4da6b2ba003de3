#include "common/http/access/recent_keys.h"

#include <openssl/crypto.h>

namespace sonde::http {

bool RecentKeys::holds(const VerdictKey& key) {
  for (auto at = keys_.begin(); at != keys_.end(); ++at) {
    if (CRYPTO_memcmp(at->data(), key.data(), key.size()) != 0) continue;
    keys_.splice(keys_.begin(), keys_, at);
    return true;
  }
  return false;
}

void RecentKeys::add(const VerdictKey& key) {
  if (holds(key)) return;
  keys_.push_front(key);
  if (keys_.size() > capacity_) keys_.pop_back();
}

}  // namespace sonde::http
