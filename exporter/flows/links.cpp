#include "exporter/flows/links.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>

namespace sonde::exporter {
namespace {

constexpr size_t kIpv4Bytes = 4;

flow_address address_of(int family, const nlattr& attribute) {
  flow_address address{};
  const void* const bytes = mnl_attr_get_payload(&attribute);
  if (family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes + 12, bytes, kIpv4Bytes);
  } else {
    std::memcpy(address.bytes, bytes, sizeof(address.bytes));
  }
  return address;
}

std::optional<InterfaceAddress> parse_address(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWADDR) return std::nullopt;
  const auto& header = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  if (header.ifa_family != AF_INET && header.ifa_family != AF_INET6) return std::nullopt;
  if (header.ifa_scope >= RT_SCOPE_LINK) return std::nullopt;
  const size_t length = header.ifa_family == AF_INET ? kIpv4Bytes : sizeof(flow_address::bytes);
  InterfaceAddress found{.interface = header.ifa_index};
  bool local = false;
  bool any = false;
  for_each_attribute(message, sizeof(ifaddrmsg), [&](const nlattr& attribute) {
    const uint16_t type = mnl_attr_get_type(&attribute);
    if ((type != IFA_LOCAL && type != IFA_ADDRESS) || mnl_attr_get_payload_len(&attribute) != length) return;
    // With a point-to-point link IFA_ADDRESS is the other side's.
    if (local) return;
    local = type == IFA_LOCAL;
    found.address = address_of(header.ifa_family, attribute);
    any = true;
  });
  return any ? std::optional(found) : std::nullopt;
}

std::string kind_of(const nlattr& information) {
  std::string kind;
  for_each_nested(information, [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == IFLA_INFO_KIND) kind = mnl_attr_get_str(&attribute);
  });
  return kind;
}

}  // namespace

std::optional<Link> parse_link(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK && message.nlmsg_type != RTM_DELLINK) return std::nullopt;
  const auto& header = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  if (header.ifi_family != AF_UNSPEC) return std::nullopt;
  Link link{.index = static_cast<uint32_t>(header.ifi_index),
            .loopback = (header.ifi_flags & IFF_LOOPBACK) != 0};
  for_each_attribute(message, sizeof(ifinfomsg), [&](const nlattr& attribute) {
    switch (mnl_attr_get_type(&attribute)) {
      case IFLA_IFNAME:
        link.name = mnl_attr_get_str(&attribute);
        break;
      case IFLA_LINKINFO:
        link.kind = kind_of(attribute);
        break;
      case IFLA_MASTER:
        link.master_index = mnl_attr_get_u32(&attribute);
        break;
      case IFLA_LINK:
        link.peer_index = mnl_attr_get_u32(&attribute);
        break;
      case IFLA_LINK_NETNSID:
        link.peer_namespace = static_cast<int32_t>(mnl_attr_get_u32(&attribute));
        break;
      default:
        break;
    }
  });
  // The other end is in a namespace that has no number: about to go.
  if (link.peer_namespace == NETNSA_NSID_NOT_ASSIGNED) link.peer_namespace.reset();
  return link;
}

Result<std::vector<Link>> list_links(NetlinkSocket& socket, std::optional<int32_t> name_space) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETLINK, 0);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  if (name_space) mnl_attr_put_u32(message, IFLA_TARGET_NETNSID, static_cast<uint32_t>(*name_space));
  std::vector<Link> links;
  const auto listed = socket.dump(
      *message,
      [&](const nlmsghdr& entry) {
        if (auto link = parse_link(entry)) links.push_back(std::move(*link));
      },
      [&] { links.clear(); });
  if (!listed) return fail("links", listed.error());
  return links;
}

Result<std::vector<InterfaceAddress>> list_addresses(NetlinkSocket& socket,
                                                     std::optional<int32_t> name_space) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETADDR, 0);
  mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg));
  if (name_space) mnl_attr_put_u32(message, IFA_TARGET_NETNSID, static_cast<uint32_t>(*name_space));
  std::vector<InterfaceAddress> addresses;
  const auto listed = socket.dump(
      *message,
      [&](const nlmsghdr& entry) {
        if (const auto address = parse_address(entry)) addresses.push_back(*address);
      },
      [&] { addresses.clear(); });
  if (!listed) return fail("addresses", listed.error());
  return addresses;
}

Result<int32_t> number_of_namespace(NetlinkSocket& socket, int name_space) {
  const auto ask = [&]() -> Result<int32_t> {
    NetlinkBuffer buffer{};
    nlmsghdr* const message = begin_request(buffer, RTM_GETNSID, 0);
    mnl_nlmsg_put_extra_header(message, sizeof(rtgenmsg));
    mnl_attr_put_u32(message, NETNSA_FD, static_cast<uint32_t>(name_space));
    int32_t number = NETNSA_NSID_NOT_ASSIGNED;
    const auto asked = socket.request(*message, [&](const nlmsghdr& entry) {
      for_each_attribute(entry, sizeof(rtgenmsg), [&](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == NETNSA_NSID) {
          number = static_cast<int32_t>(mnl_attr_get_u32(&attribute));
        }
      });
    });
    if (!asked) return fail("RTM_GETNSID", asked.error());
    return number;
  };
  auto number = ask();
  if (!number || *number != NETNSA_NSID_NOT_ASSIGNED) return number;
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_NEWNSID, 0);
  mnl_nlmsg_put_extra_header(message, sizeof(rtgenmsg));
  mnl_attr_put_u32(message, NETNSA_FD, static_cast<uint32_t>(name_space));
  mnl_attr_put_u32(message, NETNSA_NSID, static_cast<uint32_t>(NETNSA_NSID_NOT_ASSIGNED));  // any
  if (auto given = socket.request(*message); !given && socket.last_errno() != EEXIST) {
    return fail("RTM_NEWNSID", given.error());
  }
  return ask();
}

}  // namespace sonde::exporter
