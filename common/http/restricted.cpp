#include "common/http/restricted.h"

#include <arpa/inet.h>

#include <string_view>

namespace sonde::http {
namespace {

constexpr const char* kRemedy =
    "; this page is for clients of the host itself by its loopback address, or for those that "
    "--web.config.file authenticates (basic_auth_users, or client_auth_type: RequireAndVerifyClientCert)";

/// The host of "host:port", "[v6]:port" or either without port.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) return std::string(authority.substr(1, authority.find(']') - 1));
  return std::string(authority.substr(0, authority.find(':')));
}

/// Whether a Host header names this host: a site's name that was made to resolve to it does not.
bool names_loopback(const std::string& host_header) {
  const std::string host = host_of(host_header);
  return host == "localhost" || is_loopback(host);
}

}  // namespace

bool is_loopback(const std::string& address) {
  in6_addr v6{};
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == IN_LOOPBACKNET;
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string refuse_unless_trusted(const Request& request) {
  if (request.authenticated) return "";
  if (!is_loopback(request.remote_address)) {
    return "the client is another host, " + request.remote_address + kRemedy;
  }
  for (const char* const header : {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"}) {
    if (request.headers.contains(header))
      return std::string("a proxy has sent it on (") + header + ")" + kRemedy;
  }
  const std::string host = request.header("host");
  if (!names_loopback(host)) return "Host is not localhost or a loopback address" + std::string(kRemedy);
  const std::string origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + host && origin != "https://" + host) {
    return "a page of another site asks for it (Origin)" + std::string(kRemedy);
  }
  return "";
}

}  // namespace sonde::http
