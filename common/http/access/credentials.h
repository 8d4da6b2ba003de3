#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sonde::http {

/// Who a client says it is. Never logged.
struct Credentials {
  std::string user;
  std::string password;
};

/// Reads the value of an Authorization header: "Basic" and user:password in base64 (RFC 7617). Nothing for
/// another scheme, and for what is not base64 of a text with a colon.
std::optional<Credentials> parse_credentials(std::string_view authorization);

}  // namespace sonde::http
