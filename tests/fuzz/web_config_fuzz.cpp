// The web configuration: any bytes must give a configuration or one line of complaint that shows no secret;
// and any Authorization header must give credentials or nothing.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/http/access/bcrypt.h"
#include "common/http/access/credentials.h"
#include "common/http/access/web_config.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::http;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto credentials = parse_credentials(bytes)) {
    require(credentials->user.find(':') == std::string::npos);
    require(credentials->user.size() + credentials->password.size() < bytes.size());
  }
  const auto config = parse_web_config(bytes, "/etc/sonde/fuzz.yml");
  if (!config) {
    require(!config.error().message.empty() && config.error().message.starts_with("/etc/sonde/fuzz.yml"));
    return 0;
  }
  for (const auto& [user, hash] : config->users) {
    require(is_bcrypt_hash(hash) && bcrypt_cost(hash) <= kHighestBcryptCost);
  }
  for (const auto& [name, value] : config->headers) {
    require(!value.empty() && value.find_first_of("\r\n") == std::string::npos);
  }
  if (!config->tls) return 0;
  const TlsSettings& tls = *config->tls;
  require(tls.certificate.given() && tls.key.given() && tls.min_version <= tls.max_version);
  require(tls.client_auth != ClientAuth::kRequireAndVerify || tls.client_ca.given());
  for (const PemSource* source : {&tls.certificate, &tls.key, &tls.client_ca}) {
    require(source->given() ? source->file.empty() != source->text.empty() : source->file.empty());
  }
  return 0;
}
