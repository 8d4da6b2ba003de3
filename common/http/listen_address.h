#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde::http {

/// Where a server listens. An empty host means every address of the machine.
struct ListenAddress {
  std::string host;   ///< name or IP address, IPv6 without brackets
  uint16_t port = 0;  ///< 0 takes a free one
};

/// Reads "host:port", "[v6]:port" or ":port". Errors: kInvalid, with the flag's name and the remedy.
Result<ListenAddress> parse_listen_address(std::string_view text);

/// A listening, non-blocking TCP socket and the port that it got.
struct Listener {
  FileDescriptor socket;
  uint16_t port = 0;
};

/// Binds and listens. ":port" serves IPv6 and IPv4 by one socket where the machine has IPv6.
/// Errors: kInvalid (no such host), kPermission, kUnavailable (taken), each with address and remedy.
Result<Listener> listen_on(const ListenAddress& address);

}  // namespace sonde::http
