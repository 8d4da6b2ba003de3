#include "common/http/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <string_view>

namespace sonde::http {

std::string peer_address(const sockaddr_storage& peer) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  } else if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  constexpr std::string_view kMapped = "::ffff:";
  std::string_view address(text.data());
  if (address.starts_with(kMapped) && address.find('.') != std::string_view::npos) {
    address.remove_prefix(kMapped.size());
  }
  return std::string(address);
}

}  // namespace sonde::http
