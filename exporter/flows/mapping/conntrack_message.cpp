#include "exporter/flows/mapping/conntrack_message.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace sonde::exporter {
namespace {

/// The attributes of one level by their type; null where there is none.
template <size_t Count>
using Attributes = std::array<const nlattr*, Count>;

template <size_t Count>
Attributes<Count> attributes_of(const char* begin, size_t length) {
  Attributes<Count> found{};
  const char* const end = begin + length;
  const auto* attribute = reinterpret_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type < Count) found[type] = attribute;
    const char* const next =
        reinterpret_cast<const char*>(attribute) + MNL_ALIGN(static_cast<size_t>(attribute->nla_len));
    if (next >= end) break;  // the last one's padding may be missing
    attribute = reinterpret_cast<const nlattr*>(next);
  }
  return found;
}

template <size_t Count>
Attributes<Count> nested(const nlattr* outer) {
  if (outer == nullptr) return {};
  return attributes_of<Count>(static_cast<const char*>(mnl_attr_get_payload(outer)),
                              mnl_attr_get_payload_len(outer));
}

/// A number in network byte order; nothing where the attribute is missing or has another size.
template <class Number>
std::optional<Number> number(const nlattr* attribute) {
  if (attribute == nullptr || mnl_attr_get_payload_len(attribute) != sizeof(Number)) return std::nullopt;
  Number value{};
  std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof value);
  if constexpr (sizeof(Number) == sizeof(uint16_t)) value = ntohs(value);
  return value;
}

bool read_address(const nlattr* v4, const nlattr* v6, Endpoint& end) {
  constexpr size_t kV4Size = 4;
  if (v4 != nullptr && mnl_attr_get_payload_len(v4) == kV4Size) {
    end.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    std::memcpy(end.address.data() + end.address.size() - kV4Size, mnl_attr_get_payload(v4), kV4Size);
    return true;
  }
  if (v6 != nullptr && mnl_attr_get_payload_len(v6) == end.address.size()) {
    std::memcpy(end.address.data(), mnl_attr_get_payload(v6), end.address.size());
    return true;
  }
  return false;
}

std::optional<Tuple> read_tuple(const nlattr* attribute) {
  const auto parts = nested<CTA_TUPLE_MAX + 1>(attribute);
  const auto addresses = nested<CTA_IP_MAX + 1>(parts[CTA_TUPLE_IP]);
  const auto ports = nested<CTA_PROTO_MAX + 1>(parts[CTA_TUPLE_PROTO]);
  Tuple tuple;
  const auto protocol = number<uint8_t>(ports[CTA_PROTO_NUM]);
  if (!protocol || !read_address(addresses[CTA_IP_V4_SRC], addresses[CTA_IP_V6_SRC], tuple.source) ||
      !read_address(addresses[CTA_IP_V4_DST], addresses[CTA_IP_V6_DST], tuple.destination)) {
    return std::nullopt;
  }
  tuple.protocol = *protocol;
  tuple.source.port = number<uint16_t>(ports[CTA_PROTO_SRC_PORT]).value_or(0);
  tuple.destination.port = number<uint16_t>(ports[CTA_PROTO_DST_PORT]).value_or(0);
  return tuple;
}

void read_entry(const nlmsghdr* message, ConntrackReply& reply) {
  constexpr size_t kHeader = MNL_ALIGN(sizeof(nfgenmsg));
  const size_t length = mnl_nlmsg_get_payload_len(message);
  if (length < kHeader) {
    ++reply.malformed;
    return;
  }
  const auto parts = attributes_of<CTA_MAX + 1>(
      static_cast<const char*>(mnl_nlmsg_get_payload(message)) + kHeader, length - kHeader);
  const auto original = read_tuple(parts[CTA_TUPLE_ORIG]);
  const auto answer = read_tuple(parts[CTA_TUPLE_REPLY]);
  if (!original || !answer || original->protocol != answer->protocol) {
    ++reply.malformed;
    return;
  }
  if (original->source == answer->destination && original->destination == answer->source) {
    ++reply.untranslated;
    return;
  }
  reply.connections.push_back({*original, *answer, number<uint16_t>(parts[CTA_ZONE]).value_or(0)});
}

Error refusal(const nlmsghdr* message) {
  int code = EPROTO;
  if (mnl_nlmsg_get_payload_len(message) >= sizeof(nlmsgerr)) {
    // Not read through the struct: an arbitrary number must not be negated as an int.
    int32_t negative = 0;
    std::memcpy(&negative, mnl_nlmsg_get_payload(message), sizeof negative);
    if (negative < 0 && negative > -4096) code = -negative;
  }
  if (code == EPERM) {
    return {ErrorCode::kPermission,
            "conntrack: the kernel refused to list its connections; that needs CAP_NET_ADMIN"};
  }
  if (code == EINVAL || code == EOPNOTSUPP) {
    return {ErrorCode::kUnsupported,
            "conntrack: this kernel lists no connections; load the module nf_conntrack_netlink"};
  }
  return {ErrorCode::kUnavailable,
          fmt::format("conntrack: the kernel refused to list its connections: {}", std::strerror(code))};
}

}  // namespace

Result<ConntrackReply> parse_conntrack_reply(std::span<const std::byte> bytes) {
  // Netlink aligns its messages to 4 bytes; what holds them must be as well.
  std::vector<uint32_t> aligned((bytes.size() + sizeof(uint32_t) - 1) / sizeof(uint32_t));
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  ConntrackReply reply;
  size_t at = 0;
  while (at + sizeof(nlmsghdr) <= bytes.size()) {
    const auto* message = reinterpret_cast<const nlmsghdr*>(aligned.data() + at / sizeof(uint32_t));
    // Not mnl_nlmsg_ok(): it takes lengths above 2^31 for negative ones, which fit.
    if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > bytes.size() - at) break;
    at = std::min(bytes.size(), at + MNL_ALIGN(size_t{message->nlmsg_len}));
    if (message->nlmsg_type == NLMSG_ERROR) return tl::unexpected<Error>(refusal(message));
    if (message->nlmsg_type == NLMSG_DONE) {
      reply.ended = true;
      return reply;
    }
    if (message->nlmsg_type != ((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW)) continue;
    read_entry(message, reply);
  }
  if (at < bytes.size()) ++reply.malformed;  // the rest is no message
  return reply;
}

}  // namespace sonde::exporter
