#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde::inject {

/// An IPv4 or IPv6 address of a neighbour.
struct EchoAddress {
  sockaddr_storage socket_address{};
  [[nodiscard]] bool is_ipv4() const { return socket_address.ss_family == AF_INET; }
  /// As people write it.
  [[nodiscard]] std::string text() const;
};

/// Reads one as people write it; `interface`: of link-local ones. Errors: kInvalid.
Result<EchoAddress> parse_echo_address(const std::string& text, uint32_t interface);

/// Who may answer the container's pings, the most probable first: its gateways, then the neighbours that it
/// has spoken to. All on the interface, in the calling thread's network namespace.
Result<std::vector<EchoAddress>> echo_candidates(uint32_t interface);

/// A raw socket of ICMP that sends echo requests ("ping") out of one interface to one address. Needs
/// CAP_NET_RAW. Threads: one.
class EchoSocket {
 public:
  /// In the calling thread's network namespace; it stays there. Errors: kPermission, kUnavailable.
  static Result<EchoSocket> open(const EchoAddress& address, const std::string& interface_name);

  /// Sends a request of 64 bytes. False with errno where it is not sent.
  [[nodiscard]] bool request(uint16_t number) const;
  /// Sends an answer that nobody asked for, which the other side ignores. `payload`: bytes of its IP packet
  /// beside the headers. Does not block; false with errno.
  [[nodiscard]] bool send_ignored(size_t payload) const;
  /// The number of the next answer that has come, without blocking.
  [[nodiscard]] std::optional<uint16_t> answer() const;
  /// Bytes of the headers of IP and ICMP.
  [[nodiscard]] size_t header_bytes() const { return address_.is_ipv4() ? 28 : 48; }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  [[nodiscard]] bool send(uint8_t type, uint16_t number, size_t payload) const;

  FileDescriptor socket_;
  EchoAddress address_;
  uint16_t identifier_ = 0;
};

}  // namespace sonde::inject
