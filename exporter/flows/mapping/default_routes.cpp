#include "exporter/flows/mapping/default_routes.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

namespace sonde::exporter {
namespace {

/// The next hops of a route with several.
void add_next_hops(const nlattr& attribute, std::set<uint32_t>& interfaces) {
  const auto* bytes = static_cast<const char*>(mnl_attr_get_payload(&attribute));
  size_t left = mnl_attr_get_payload_len(&attribute);
  while (left >= sizeof(rtnexthop)) {
    rtnexthop hop{};
    std::memcpy(&hop, bytes, sizeof hop);
    const size_t size = RTNH_ALIGN(hop.rtnh_len);
    if (hop.rtnh_len < sizeof hop || size > left) return;
    interfaces.insert(static_cast<uint32_t>(hop.rtnh_ifindex));
    bytes += size;
    left -= size;
  }
}

void add_default_route(const nlmsghdr& message, std::set<uint32_t>& interfaces) {
  if (message.nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(&message) < sizeof(rtmsg)) return;
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  if (route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST) return;
  mnl_attr_parse(
      &message, sizeof(rtmsg),
      [](const nlattr* attribute, void* interfaces_found) {
        auto& found = *static_cast<std::set<uint32_t>*>(interfaces_found);
        const uint16_t type = mnl_attr_get_type(attribute);
        if (type == RTA_OIF && mnl_attr_get_payload_len(attribute) >= sizeof(uint32_t)) {
          found.insert(mnl_attr_get_u32(attribute));
        }
        if (type == RTA_MULTIPATH) add_next_hops(*attribute, found);
        return MNL_CB_OK;
      },
      &interfaces);
}

}  // namespace

Result<std::set<uint32_t>> default_route_interfaces(NetlinkSocket& socket) {
  std::set<uint32_t> interfaces;
  for (const int family : {AF_INET, AF_INET6}) {
    std::set<uint32_t> found;
    NetlinkBuffer buffer;
    nlmsghdr* const request = begin_request(buffer, RTM_GETROUTE, 0);
    auto* const route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(rtmsg)));
    route->rtm_family = static_cast<unsigned char>(family);
    const auto dumped = socket.dump(
        *request, [&](const nlmsghdr& message) { add_default_route(message, found); },
        [&] { found.clear(); });
    if (!dumped) return fail("default routes", dumped.error());
    interfaces.merge(found);
  }
  return interfaces;
}

}  // namespace sonde::exporter
