#include "common/http/listen_address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace sonde::http {
namespace {

constexpr int kBacklog =
    1024;  // the kernel drops what does not fit, and the client tries again only after a second

std::string shown(const ListenAddress& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address.host, address.port)
               : fmt::format("{}:{}", address.host, address.port);
}

/// The port that a bound socket has.
uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

/// Errors: the errno of the call that failed.
Result<Listener> listen_on(const addrinfo& info, int& error) {
  Listener listener;
  listener.socket.reset(::socket(info.ai_family, info.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int off = 0;
  // Not SO_REUSEPORT: a second server on the same address has to fail.
  if (!listener.socket ||
      ::setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      (info.ai_family == AF_INET6 &&
       ::setsockopt(listener.socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
      ::bind(listener.socket.get(), info.ai_addr, info.ai_addrlen) != 0 ||
      ::listen(listener.socket.get(), kBacklog) != 0) {
    error = errno;
    return fail(ErrorCode::kUnavailable, std::strerror(error));
  }
  listener.port = bound_port(listener.socket.get());
  return listener;
}

tl::unexpected<Error> explain(const ListenAddress& address, int error) {
  const std::string start = fmt::format("--web.listen-address={}: ", shown(address));
  switch (error) {
    case EADDRINUSE:
      return fail(ErrorCode::kUnavailable,
                  start + "another program listens there; stop it or choose another port");
    case EACCES:
    case EPERM:
      return fail(ErrorCode::kPermission, start + "not permitted; choose a port above 1023");
    case EADDRNOTAVAIL:
      return fail(ErrorCode::kInvalid,
                  start + "not an address of this machine; leave the host empty for all");
    default:
      return fail(ErrorCode::kUnavailable, start + std::strerror(error));
  }
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--web.listen-address={}: {}; use host:port, [v6]:port or :port", text, why));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (!host.empty() && host.front() == '[') {
    if (host.back() != ']' || host.size() < 3) return wrong("a bracket is not closed");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong("an IPv6 address needs brackets");
  }
  if (host.find_first_of(std::string_view("/ \t\r\n\0", 6)) != std::string_view::npos) {
    return wrong("the host is not a name or an address");
  }
  ListenAddress address;
  address.host = host;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong("the port is not 0 to 65535");
  return address;
}

Result<Listener> listen_on(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int failed =
      ::getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(), port.c_str(), &hints, &found);
  if (failed != 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--web.listen-address={}: {}; use an address of this machine", shown(address),
                            ::gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  int error = 0;
  // An empty host means IPv6 first, whose socket serves IPv4 too; a name such as localhost means IPv4 first.
  const bool any = address.host.empty();
  for (const int family : {any ? AF_INET6 : AF_INET, any ? AF_INET : AF_INET6}) {
    for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
      if (info->ai_family != family) continue;
      auto listener = listen_on(*info, error);
      if (listener || error == EADDRINUSE) return listener ? std::move(listener) : explain(address, error);
    }
  }
  return explain(address, error);
}

}  // namespace sonde::http
