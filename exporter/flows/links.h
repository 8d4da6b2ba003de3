#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/flow_key.h"
#include "common/network/netlink.h"

namespace sonde::exporter {

/// One interface of a network namespace.
struct Link {
  uint32_t index = 0;
  std::string name{};
  std::string kind{};  ///< "veth", "bridge", …; empty: a physical device, or lo
  bool loopback = false;
  uint32_t master_index = 0;  ///< the bridge or bond that it is part of; 0: none
  uint32_t peer_index = 0;    ///< of the other end, where it has one; in the other end's namespace
  /// The number (nsid) that the network namespace of the other end has in this one; nothing: it is this one.
  std::optional<int32_t> peer_namespace{};

  bool operator==(const Link&) const = default;
  /// The end of a veth pair whose other end is in another network namespace.
  [[nodiscard]] bool is_host_end() const { return kind == "veth" && peer_namespace.has_value(); }
};

/// Reads a message of RTNLGRP_LINK or of a dump of links; nothing for other messages, also those that bridges
/// send of their ports (AF_BRIDGE).
std::optional<Link> parse_link(const nlmsghdr& message);

/// The links of the socket's network namespace, or of the one that has the given number in it (that needs
/// CAP_NET_ADMIN). Errors: as NetlinkSocket; kNotFound or kInvalid where the namespace is gone.
Result<std::vector<Link>> list_links(NetlinkSocket& socket, std::optional<int32_t> name_space = {});

/// An address of an interface, and which.
struct InterfaceAddress {
  uint32_t interface = 0;
  flow_address address{};
};

/// The addresses of the socket's network namespace, or of the one with the given number, but for those that
/// are valid on one link or host only (loopback, fe80::/64). Errors: as list_links().
Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& socket,
                                                     std::optional<int32_t> name_space = {});

/// The number that a network namespace, an open file, has in that of the socket; gives it one where it has
/// none (that needs CAP_NET_ADMIN). Errors: as NetlinkSocket.
Result<int32_t> number_of_namespace(NetlinkSocket& socket, int name_space);

}  // namespace sonde::exporter
