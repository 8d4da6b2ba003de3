#include <fmt/format.h>

#include <charconv>

#include "analyzer/source/http_client.h"
#include "analyzer/source/reply_text.h"

namespace sonde::analyzer {
namespace {

constexpr int kHttpPort = 80;
constexpr int kHttpsPort = 443;
constexpr const char* kWhereCredentialsGo =
    "set basic_auth.username and basic_auth.password_file, or bearer_token_file, instead";

tl::unexpected<Error> invalid(const std::string& why) {
  return fail(ErrorCode::kInvalid, one_line(why));  // a URL may hold anything, line breaks included
}

/// host, host:port, [v6] or [v6]:port. False where it is none of them.
bool split_authority(std::string_view authority, Endpoint& endpoint) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return false;
    endpoint.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const size_t colon = authority.find(':');
    endpoint.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  }
  if (endpoint.host.empty()) return false;
  if (port.empty()) return true;
  if (port.front() != ':') return false;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  return error == std::errc() && end == port.data() + port.size() && endpoint.port > 0 &&
         endpoint.port < 65536;
}

/// What to say of a URL that begins with neither http:// nor https://.
std::string without_scheme(const std::string& url) {
  constexpr const char* kWrong = ": must begin with http:// or https://";
  if (url.find('@') != std::string::npos)
    return fmt::format("url=…{} and hold no credentials; {}", kWrong, kWhereCredentialsGo);
  std::string start = "url=" + url + kWrong;
  if (url.find("://") != std::string::npos) return start;
  const Result<Endpoint> meant = parse_endpoint("http://" + url);
  if (!meant) return start;
  const bool has_port = meant->authority.ends_with(fmt::format(":{}", meant->port));
  return fmt::format("{}; write http://{}{}{}", start, meant->authority, has_port ? "" : ":9090",
                     meant->prefix);
}

}  // namespace

Result<Endpoint> parse_endpoint(const std::string& url) {
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    endpoint.port = kHttpPort;
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    endpoint.tls = true;
    endpoint.port = kHttpsPort;
    rest.remove_prefix(8);
  } else {
    return invalid(without_scheme(url));
  }
  const size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) {
    return invalid(std::string("url: holds credentials; ") + kWhereCredentialsGo);
  }
  for (const char c : rest) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '?' || c == '#') {
      return invalid("url=" + url + ": must hold a host, a port and a path only");
    }
  }
  if (!split_authority(authority, endpoint)) {
    return invalid("url=" + url + ": has no valid host or port; write http://host:9090");
  }
  endpoint.authority = authority;
  if (slash != std::string_view::npos) endpoint.prefix = rest.substr(slash);
  while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();
  return endpoint;
}

}  // namespace sonde::analyzer
