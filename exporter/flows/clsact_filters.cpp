#include "exporter/flows/clsact_filters.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace sonde::exporter {
namespace {

/// Before those that the kernel numbers itself (49152 and less), behind what has a fixed place at the front.
constexpr uint32_t kPriority = 47;
constexpr uint32_t kQdisc = TC_H_MAKE(TC_H_CLSACT, 0U);
constexpr std::string_view kKind = "bpf";
constexpr std::string_view kPrefix = "sonde_";
/// At the end of the name of a filter whose owner made the qdisc too.
constexpr std::string_view kMadeQdisc = "+qdisc";
/// An owner's filters are numbered in the lower bits of their handles.
constexpr uint32_t kHandlesOfOwner = 1U << 12U;

uint32_t parent_of(Direction direction) {
  return TC_H_MAKE(TC_H_CLSACT, direction == Direction::kIngress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

tcmsg* begin_tc(NetlinkBuffer& buffer, uint16_t type, uint16_t flags, uint32_t interface,
                nlmsghdr*& message) {
  message = begin_request(buffer, type, flags);
  auto* const header = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(tcmsg)));
  header->tcm_family = AF_UNSPEC;
  header->tcm_ifindex = static_cast<int>(interface);
  return header;
}

/// Taken by a living owner only; it goes with its process.
Result<FileDescriptor> take_owner_socket(uint32_t owner) {
  FileDescriptor taken(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("sonde-tc-{:08x}", owner);
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // the leading zero byte: abstract
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!taken || bind(taken.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return fail(errno == EADDRINUSE ? ErrorCode::kLimit : ErrorCode::kUnavailable,
                fmt::format("unix socket @{}: {}", name, strerrordesc_np(errno)));
  }
  return taken;
}

/// What a filter's name says.
struct FilterName {
  uint32_t owner = 0;
  bool made_qdisc = false;
};

std::string write_name(std::string_view name, uint32_t owner, bool made_qdisc) {
  return fmt::format("{}{}:{:08x}{}", kPrefix, name, owner, made_qdisc ? kMadeQdisc : "");
}

/// Nothing where the filter is not of this program.
std::optional<FilterName> read_name(std::string_view name) {
  const size_t colon = name.rfind(':');
  if (!name.starts_with(kPrefix) || colon == std::string_view::npos) return std::nullopt;
  std::string_view rest = name.substr(colon + 1);
  FilterName read;
  read.made_qdisc = rest.ends_with(kMadeQdisc);
  if (read.made_qdisc) rest.remove_suffix(kMadeQdisc.size());
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), read.owner, 16);
  if (error != std::errc() || end != rest.data() + rest.size() || rest.size() != 8) return std::nullopt;
  return read;
}

}  // namespace

struct ClsactFilters::Filter {
  uint32_t parent = 0;
  uint32_t info = 0;  ///< priority and protocol
  uint32_t handle = 0;
  std::string name{};
  bool direct_action = false;  ///< of cls_bpf: it may end the packet's way along the filters
};

ClsactFilters::ClsactFilters(NetlinkSocket socket, uint32_t owner, FileDescriptor alive)
    : socket_(std::move(socket)), owner_(owner), alive_(std::move(alive)) {}

Result<std::unique_ptr<ClsactFilters>> ClsactFilters::open() {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::unexpected(socket.error());
  while (true) {
    uint32_t owner = 0;
    if (getrandom(&owner, sizeof(owner), 0) != sizeof(owner) || owner < kHandlesOfOwner) continue;
    auto alive = take_owner_socket(owner);
    if (alive) {
      return std::unique_ptr<ClsactFilters>(new ClsactFilters(std::move(*socket), owner, std::move(*alive)));
    }
    if (alive.error().code != ErrorCode::kLimit) return tl::unexpected(alive.error());
  }
}

Result<bool> ClsactFilters::make_qdisc(uint32_t interface) {
  NetlinkBuffer buffer{};
  nlmsghdr* message = nullptr;
  tcmsg* const header = begin_tc(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, interface, message);
  header->tcm_parent = TC_H_CLSACT;
  header->tcm_handle = kQdisc;
  mnl_attr_put_strz(message, TCA_KIND, "clsact");
  if (auto made = socket_.request(*message); !made) {
    if (socket_.last_errno() == EEXIST) return false;
    return fail("clsact qdisc", made.error());
  }
  return true;
}

Result<uint32_t> ClsactFilters::add(uint32_t interface, Direction direction, int program,
                                    std::string_view name) {
  const auto made = make_qdisc(interface);
  if (!made) return tl::unexpected(made.error());
  if (*made) made_qdiscs_.insert(interface);
  NetlinkBuffer buffer{};
  nlmsghdr* message = nullptr;
  tcmsg* const header = begin_tc(buffer, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, interface, message);
  const uint32_t handle = (owner_ & ~(kHandlesOfOwner - 1)) | (next_++ % kHandlesOfOwner);
  header->tcm_parent = parent_of(direction);
  header->tcm_handle = handle;
  header->tcm_info = TC_H_MAKE(kPriority << 16U, htons(ETH_P_ALL));
  mnl_attr_put_strz(message, TCA_KIND, "bpf");
  nlattr* const options = mnl_attr_nest_start(message, TCA_OPTIONS);
  mnl_attr_put_u32(message, TCA_BPF_FD, static_cast<uint32_t>(program));
  mnl_attr_put_strz(message, TCA_BPF_NAME,
                    write_name(name, owner_, made_qdiscs_.contains(interface)).c_str());
  mnl_attr_put_u32(message, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  mnl_attr_nest_end(message, options);
  if (auto added = socket_.request(*message); !added) {
    const Error& error = added.error();
    // What was made for it goes again; how that ends is of no interest beside the error.
    (void)remove_qdisc_if_empty(interface);
    return fail("clsact filter", error);
  }
  own_[interface].emplace(parent_of(direction), handle);
  (void)look_at(interface);  // what stands in front; if it cannot be told now, the next look() will
  return handle;
}

Result<void> ClsactFilters::remove_filter(uint32_t interface, uint32_t parent, uint32_t info,
                                          uint32_t handle) {
  NetlinkBuffer buffer{};
  nlmsghdr* message = nullptr;
  tcmsg* const header = begin_tc(buffer, RTM_DELTFILTER, 0, interface, message);
  header->tcm_parent = parent;
  header->tcm_handle = handle;
  header->tcm_info = info;
  mnl_attr_put_strz(message, TCA_KIND, "bpf");
  auto removed = socket_.request(*message);
  // EINVAL: the qdisc has gone, and the filter with it.
  if (removed || removed.error().code == ErrorCode::kNotFound || socket_.last_errno() == EINVAL) return {};
  return fail("clsact filter", removed.error());
}

Result<void> ClsactFilters::look_at(uint32_t interface) {
  const auto filters = filters_of(interface);
  if (!filters) return tl::unexpected(filters.error());
  std::set<std::pair<uint32_t, uint32_t>> present;
  bool hidden = false;
  for (const Filter& filter : *filters) {
    const auto name = read_name(filter.name);
    if (name && name->owner == owner_) present.emplace(filter.parent, filter.handle);
    hidden = hidden || (!name && filter.direct_action && TC_H_MAJ(filter.info) >> 16U < kPriority);
  }
  std::erase_if(own_[interface], [&](const auto& own) { return !present.contains(own); });
  if (hidden) {
    hidden_.insert(interface);
  } else {
    hidden_.erase(interface);
  }
  return {};
}

Result<void> ClsactFilters::look() {
  Result<void> looked;
  for (const auto& [interface, own] : own_) {
    if (auto at_one = look_at(interface); !at_one) looked = std::move(at_one);
  }
  return looked;
}

bool ClsactFilters::has(uint32_t interface, Direction direction, uint32_t handle) const {
  const auto own = own_.find(interface);
  return own != own_.end() && own->second.contains({parent_of(direction), handle});
}

Result<void> ClsactFilters::remove(uint32_t interface, Direction direction, uint32_t handle) {
  if (const auto own = own_.find(interface); own != own_.end()) {
    own->second.erase({parent_of(direction), handle});
    if (own->second.empty()) {
      own_.erase(own);
      hidden_.erase(interface);
    }
  }
  auto removed =
      remove_filter(interface, parent_of(direction), TC_H_MAKE(kPriority << 16U, htons(ETH_P_ALL)), handle);
  if (!removed) return removed;
  return remove_qdisc_if_empty(interface);
}

Result<void> ClsactFilters::remove_qdisc_if_empty(uint32_t interface) {
  if (!made_qdiscs_.contains(interface)) return {};
  const auto left = filters_of(interface);
  if (!left) {
    if (left.error().code == ErrorCode::kNotFound) made_qdiscs_.erase(interface);
    return left.error().code == ErrorCode::kNotFound ? Result<void>{} : tl::unexpected(left.error());
  }
  if (!left->empty()) return {};
  made_qdiscs_.erase(interface);
  NetlinkBuffer buffer{};
  nlmsghdr* message = nullptr;
  tcmsg* const header = begin_tc(buffer, RTM_DELQDISC, 0, interface, message);
  header->tcm_parent = TC_H_CLSACT;
  header->tcm_handle = kQdisc;
  mnl_attr_put_strz(message, TCA_KIND, "clsact");
  auto removed = socket_.request(*message);
  if (removed || removed.error().code == ErrorCode::kNotFound || socket_.last_errno() == EINVAL) return {};
  return fail("clsact qdisc", removed.error());
}

Result<std::vector<ClsactFilters::Filter>> ClsactFilters::filters_of(uint32_t interface) {
  std::vector<Filter> filters;
  for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
    NetlinkBuffer buffer{};
    nlmsghdr* message = nullptr;
    begin_tc(buffer, RTM_GETTFILTER, 0, interface, message)->tcm_parent = parent_of(direction);
    std::vector<Filter> listed;
    const auto on_entry = [&](const nlmsghdr& entry) {
      const auto& header = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&entry));
      Filter filter{.parent = header.tcm_parent, .info = header.tcm_info, .handle = header.tcm_handle};
      if (filter.handle == 0) return;  // an entry for the whole priority
      bool is_bpf = false;             // the kernel tells the kind before the options
      for_each_attribute(entry, sizeof(tcmsg), [&](const nlattr& attribute) {
        if (mnl_attr_get_type(&attribute) == TCA_KIND) is_bpf = mnl_attr_get_str(&attribute) == kKind;
        if (mnl_attr_get_type(&attribute) != TCA_OPTIONS) return;
        for_each_nested(attribute, [&](const nlattr& option) {
          if (is_bpf && mnl_attr_get_type(&option) == TCA_BPF_NAME) filter.name = mnl_attr_get_str(&option);
          if (is_bpf && mnl_attr_get_type(&option) == TCA_BPF_FLAGS) {
            filter.direct_action = (mnl_attr_get_u32(&option) & TCA_BPF_FLAG_ACT_DIRECT) != 0;
          }
        });
      });
      listed.push_back(std::move(filter));
    };
    if (auto dumped = socket_.dump(*message, on_entry, [&] { listed.clear(); }); !dumped) {
      return fail("clsact filters", dumped.error());
    }
    filters.insert(filters.end(), std::make_move_iterator(listed.begin()),
                   std::make_move_iterator(listed.end()));
  }
  return filters;
}

Result<std::set<uint32_t>> ClsactFilters::interfaces_with_clsact() {
  NetlinkBuffer buffer{};
  nlmsghdr* message = nullptr;
  begin_tc(buffer, RTM_GETQDISC, 0, 0, message);
  std::set<uint32_t> interfaces;
  const auto listed = socket_.dump(
      *message,
      [&](const nlmsghdr& entry) {
        const auto& header = *static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&entry));
        for_each_attribute(entry, sizeof(tcmsg), [&](const nlattr& attribute) {
          if (mnl_attr_get_type(&attribute) != TCA_KIND) return;
          if (std::string_view(mnl_attr_get_str(&attribute)) == "clsact") {
            interfaces.insert(static_cast<uint32_t>(header.tcm_ifindex));
          }
        });
      },
      [&] { interfaces.clear(); });
  if (!listed) return fail("qdiscs", listed.error());
  return interfaces;
}

bool ClsactFilters::lives(uint32_t owner) const {
  if (owner == owner_) return true;
  const auto taken = take_owner_socket(owner);
  // Whatever else fails: better a filter too many than one of another exporter too few.
  return !taken;
}

Result<size_t> ClsactFilters::remove_stale() {
  const auto interfaces = interfaces_with_clsact();
  if (!interfaces) return tl::unexpected(interfaces.error());
  size_t removed = 0;
  for (const uint32_t interface : *interfaces) {
    const auto filters = filters_of(interface);
    if (!filters) {
      if (filters.error().code == ErrorCode::kNotFound) continue;  // the interface has just gone
      return tl::unexpected(filters.error());
    }
    for (const Filter& filter : *filters) {
      const auto name = read_name(filter.name);
      if (!name || lives(name->owner)) continue;
      if (auto gone = remove_filter(interface, filter.parent, filter.info, filter.handle); !gone) {
        return tl::unexpected(gone.error());
      }
      ++removed;
      if (name->made_qdisc) made_qdiscs_.insert(interface);
    }
    if (auto gone = remove_qdisc_if_empty(interface); !gone) return tl::unexpected(gone.error());
  }
  return removed;
}

}  // namespace sonde::exporter
