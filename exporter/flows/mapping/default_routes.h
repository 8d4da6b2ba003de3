#pragma once

#include <cstdint>
#include <set>

#include "common/network/netlink.h"
#include "common/result.h"

namespace sonde::exporter {

/// The interfaces that default routes, of IPv4 and IPv6 and of any table, leave by, in the socket's network
/// namespace. Errors: as NetlinkSocket::dump().
Result<std::set<uint32_t>> default_route_interfaces(NetlinkSocket& socket);

}  // namespace sonde::exporter
