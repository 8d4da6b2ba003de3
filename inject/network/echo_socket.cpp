#include "inject/network/echo_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/network/netlink.h"

namespace sonde::inject {
namespace {

constexpr size_t kRequestPayload = 36;  // with 20 bytes of IP and 8 of ICMP a packet of 64 bytes
constexpr size_t kLargestPacket = 65536;
constexpr int kSendBuffer = 128 << 20;  // bytes; what waits in a qdisc is charged to it

/// The same of both versions: ICMP's echo and ICMPv6's.
struct EchoHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  uint16_t checksum = 0;  ///< of ICMPv6 by the kernel
  uint16_t identifier = 0;
  uint16_t number = 0;
};
static_assert(sizeof(EchoHeader) == 8);

uint16_t checksum_of(const std::array<char, kLargestPacket>& packet, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2) {
    uint16_t word = 0;
    std::memcpy(&word, packet.data() + i, sizeof word);
    sum += word;
  }
  if (size % 2 != 0) sum += static_cast<uint8_t>(packet[size - 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16U);
  return static_cast<uint16_t>(~sum);
}

EchoAddress address_of(int family, const void* bytes, uint32_t interface) {
  EchoAddress address;
  address.socket_address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    std::memcpy(&reinterpret_cast<sockaddr_in*>(&address.socket_address)->sin_addr, bytes, 4);
  } else {
    auto& six = *reinterpret_cast<sockaddr_in6*>(&address.socket_address);
    std::memcpy(&six.sin6_addr, bytes, 16);
    if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr)) six.sin6_scope_id = interface;
  }
  return address;
}

size_t address_bytes(int family) {
  return family == AF_INET ? 4 : 16;
}

Result<void> add_gateways(NetlinkSocket& socket, int family, uint32_t interface,
                          std::vector<EchoAddress>& found) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETROUTE, 0);
  static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)))->rtm_family =
      static_cast<uint8_t>(family);
  const auto on_route = [&](const nlmsghdr& entry) {
    const nlattr* gateway = nullptr;
    bool here = false;
    for_each_attribute(entry, sizeof(rtmsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == RTA_GATEWAY) gateway = &attribute;
      if (mnl_attr_get_type(&attribute) == RTA_OIF) here = mnl_attr_get_u32(&attribute) == interface;
    });
    if (!here || gateway == nullptr || mnl_attr_get_payload_len(gateway) != address_bytes(family)) return;
    found.push_back(address_of(family, mnl_attr_get_payload(gateway), interface));
  };
  if (auto listed = socket.dump(*message, on_route, {}); !listed) return fail("routes", listed.error());
  return {};
}

Result<void> add_neighbours(NetlinkSocket& socket, uint32_t interface, std::vector<EchoAddress>& found) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETNEIGH, 0);
  mnl_nlmsg_put_extra_header(message, sizeof(ndmsg));
  constexpr uint16_t kKnown = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  const auto on_neighbour = [&](const nlmsghdr& entry) {
    const auto& header = *static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&entry));
    if (header.ndm_ifindex != static_cast<int>(interface) || (header.ndm_state & kKnown) == 0) return;
    for_each_attribute(entry, sizeof(ndmsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) != NDA_DST) return;
      if (mnl_attr_get_payload_len(&attribute) != address_bytes(header.ndm_family)) return;
      found.push_back(address_of(header.ndm_family, mnl_attr_get_payload(&attribute), interface));
    });
  };
  if (auto listed = socket.dump(*message, on_neighbour, {}); !listed)
    return fail("neighbours", listed.error());
  return {};
}

}  // namespace

std::string EchoAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const bytes =
      is_ipv4() ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&socket_address)->sin_addr)
                : &reinterpret_cast<const sockaddr_in6*>(&socket_address)->sin6_addr;
  inet_ntop(socket_address.ss_family, bytes, text.data(), text.size());
  return text.data();
}

Result<EchoAddress> parse_echo_address(const std::string& text, uint32_t interface) {
  std::array<char, 16> bytes{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), bytes.data()) == 1)
      return address_of(family, bytes.data(), interface);
  }
  return fail(ErrorCode::kInvalid,
              fmt::format("--probe-to={}: no IP address; write for example 10.0.0.1 or fd00::1", text));
}

Result<std::vector<EchoAddress>> echo_candidates(uint32_t interface) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::unexpected(socket.error());
  std::vector<EchoAddress> found;
  for (const int family : {AF_INET, AF_INET6}) {
    if (auto added = add_gateways(*socket, family, interface, found); !added)
      return tl::unexpected(added.error());
  }
  if (auto added = add_neighbours(*socket, interface, found); !added) return tl::unexpected(added.error());
  return found;
}

Result<EchoSocket> EchoSocket::open(const EchoAddress& address, const std::string& interface_name) {
  EchoSocket echo;
  echo.address_ = address;
  const bool four = address.is_ipv4();
  echo.socket_.reset(::socket(address.socket_address.ss_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              four ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6)));
  const int descriptor = echo.socket_.get();
  if (descriptor < 0 || setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface_name.data(),
                                   static_cast<socklen_t>(interface_name.size())) != 0) {
    return fail(errno == EPERM ? ErrorCode::kPermission : ErrorCode::kUnavailable,
                fmt::format("a socket for pings at {}: {}", interface_name, std::strerror(errno)));
  }
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer);
  if (!four) {
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    setsockopt(descriptor, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
  while (getrandom(&echo.identifier_, sizeof echo.identifier_, 0) != sizeof echo.identifier_) continue;
  return echo;
}

bool EchoSocket::send(uint8_t type, uint16_t number, size_t payload) const {
  static thread_local std::array<char, kLargestPacket> packet{};
  const size_t size = std::min(sizeof(EchoHeader) + payload, packet.size());
  EchoHeader header{.type = type, .identifier = identifier_, .number = htons(number)};
  std::memcpy(packet.data(), &header, sizeof header);
  if (address_.is_ipv4()) {
    header.checksum = checksum_of(packet, size);
    std::memcpy(packet.data(), &header, sizeof header);
  }
  const auto& to = reinterpret_cast<const sockaddr&>(address_.socket_address);
  const socklen_t length = address_.is_ipv4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  return sendto(socket_.get(), packet.data(), size, 0, &to, length) == static_cast<ssize_t>(size);
}

bool EchoSocket::request(uint16_t number) const {
  const uint8_t type =
      address_.is_ipv4() ? static_cast<uint8_t>(ICMP_ECHO) : static_cast<uint8_t>(ICMP6_ECHO_REQUEST);
  return send(type, number, kRequestPayload);
}

bool EchoSocket::send_ignored(size_t payload) const {
  const uint8_t type =
      address_.is_ipv4() ? static_cast<uint8_t>(ICMP_ECHOREPLY) : static_cast<uint8_t>(ICMP6_ECHO_REPLY);
  return send(type, 0, payload);
}

std::optional<uint16_t> EchoSocket::answer() const {
  std::array<char, 2048> packet{};
  for (;;) {
    const ssize_t size = recv(socket_.get(), packet.data(), packet.size(), 0);
    if (size < 0) return std::nullopt;
    size_t offset = 0;  // ICMPv6 comes without the header of IP
    if (address_.is_ipv4()) offset = (static_cast<uint8_t>(packet[0]) & 15U) * 4U;
    EchoHeader header;
    if (static_cast<size_t>(size) < offset + sizeof header) continue;
    std::memcpy(&header, packet.data() + offset, sizeof header);
    const bool reply = header.type == (address_.is_ipv4() ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
    if (reply && header.identifier == identifier_) return ntohs(header.number);
  }
}

}  // namespace sonde::inject
