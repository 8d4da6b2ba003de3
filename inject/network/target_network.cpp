#include "inject/network/target_network.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/network/netlink.h"
#include "inject/container_processes.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE \
  71  // Linux 5.14; the same number on every architecture of Debian but SPARC and PA-RISC
#endif

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";

struct Interface {
  uint32_t index = 0;
  std::string name{};
  uint32_t mtu = 0;
};

FileDescriptor open_path(const std::string& path) {
  return FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

uint64_t inode_of(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// Of the calling thread's namespace.
uint64_t cookie_here() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

Result<void> visit(int name_space, const std::function<Result<void>()>& work) {
  const FileDescriptor home = open_path(kOwnNamespace);
  if (!home) return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", kOwnNamespace, std::strerror(errno)));
  const auto visiting = NamespaceVisit::begin(name_space, home.get());
  if (!visiting) return tl::unexpected(visiting.error());
  return work();
}

/// All of the calling thread's namespace but loopback.
Result<std::vector<Interface>> list_interfaces(NetlinkSocket& socket) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETLINK, 0);
  mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
  std::vector<Interface> found;
  const auto on_link = [&](const nlmsghdr& entry) {
    const auto& header = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&entry));
    if ((header.ifi_flags & IFF_LOOPBACK) != 0) return;
    Interface interface{.index = static_cast<uint32_t>(header.ifi_index)};
    for_each_attribute(entry, sizeof(ifinfomsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == IFLA_IFNAME) interface.name = mnl_attr_get_str(&attribute);
      if (mnl_attr_get_type(&attribute) == IFLA_MTU) interface.mtu = mnl_attr_get_u32(&attribute);
    });
    found.push_back(std::move(interface));
  };
  if (auto listed = socket.dump(*message, on_link, [&] { found.clear(); }); !listed) {
    return fail("interfaces", listed.error());
  }
  return found;
}

/// Interfaces of the default routes of a family.
Result<std::set<uint32_t>> default_interfaces(NetlinkSocket& socket, uint8_t family) {
  NetlinkBuffer buffer{};
  nlmsghdr* const message = begin_request(buffer, RTM_GETROUTE, 0);
  static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)))->rtm_family = family;
  std::set<uint32_t> found;
  const auto on_route = [&](const nlmsghdr& entry) {
    const auto& header = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&entry));
    if (header.rtm_dst_len != 0 || header.rtm_type != RTN_UNICAST || header.rtm_table != RT_TABLE_MAIN)
      return;
    for_each_attribute(entry, sizeof(rtmsg), [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) == RTA_OIF) found.insert(mnl_attr_get_u32(&attribute));
    });
  };
  if (auto listed = socket.dump(*message, on_route, [&] { found.clear(); }); !listed) {
    return fail("routes", listed.error());
  }
  return found;
}

std::string names_of(const std::vector<Interface>& interfaces) {
  std::string names;
  for (const auto& interface : interfaces) names += (names.empty() ? "" : ", ") + interface.name;
  return names;
}

/// In the calling thread's namespace.
Result<Interface> choose_interface(const std::string& wanted) {
  auto socket = NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return tl::unexpected(socket.error());
  auto all = list_interfaces(*socket);
  if (!all) return tl::unexpected(all.error());
  if (!wanted.empty()) {
    const auto found = std::ranges::find(*all, wanted, &Interface::name);
    if (found != all->end()) return *found;
    return fail(ErrorCode::kNotFound,
                fmt::format("--interface={}: the container has no such interface; it has: {}", wanted,
                            names_of(*all)));
  }
  for (const int family : {AF_INET, AF_INET6}) {
    const auto defaults = default_interfaces(*socket, static_cast<uint8_t>(family));
    if (!defaults) return tl::unexpected(defaults.error());
    if (defaults->size() != 1) continue;
    const auto found = std::ranges::find(*all, *defaults->begin(), &Interface::index);
    if (found != all->end()) return *found;
  }
  if (all->size() == 1) return all->front();
  if (all->empty()) {
    return fail(ErrorCode::kNotFound, "the container has no interface beside loopback: it has no network");
  }
  return fail(
      ErrorCode::kInvalid,
      fmt::format("the container has several interfaces ({}) and no single default route; name one with "
                  "--interface",
                  names_of(*all)));
}

/// Paths that lead to namespaces: of every process, and what is pinned by name.
std::vector<std::string> namespace_paths() {
  std::vector<std::string> paths;
  std::error_code gone;
  for (const char* folder : {"/run/netns", "/run/docker/netns"}) {
    for (const auto& entry : fs::directory_iterator(folder, gone)) paths.push_back(entry.path().string());
  }
  for (const auto& entry : fs::directory_iterator("/proc", gone)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos)
      paths.push_back(entry.path().string() + "/ns/net");
  }
  return paths;
}

}  // namespace

Result<TargetNetwork> TargetNetwork::find(const CgroupTarget& target, const std::string& interface_name) {
  TargetNetwork network;
  const auto processes = container_processes(target);
  if (processes.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("--cgroup={}: no process is in it, so it has no network; start the "
                            "container first, or name the cgroup that its processes are in",
                            target.path()));
  }
  network.process_ = processes.front().pid;
  auto name_space = open_of_process(target, processes.front(), "ns/net", O_RDONLY);
  if (!name_space) return tl::unexpected(name_space.error());
  network.name_space_ = std::move(*name_space);
  struct stat status{};
  if (fstat(network.name_space_.get(), &status) != 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("the network of process {}: {}", network.process_, std::strerror(errno)));
  }
  network.identity_.inode = status.st_ino;
  if (status.st_ino == inode_of("/proc/1/ns/net") || status.st_ino == inode_of(kOwnNamespace)) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format(
            "--cgroup={}: its network is the host's own, and a fault there would hit the whole machine; "
            "name a container with a network of its own",
            target.path()));
  }
  auto looked = network.inside([&]() -> Result<void> {
    network.identity_.cookie = cookie_here();
    auto interface = choose_interface(interface_name);
    if (!interface) return tl::unexpected(interface.error());
    network.interface_name_ = interface->name;
    network.interface_index_ = interface->index;
    network.mtu_ = interface->mtu;
    return {};
  });
  if (!looked) return tl::unexpected(looked.error());
  return network;
}

Result<void> TargetNetwork::inside(const std::function<Result<void>()>& work) const {
  return visit(name_space_.get(), work);
}

Result<void> TargetNetwork::enter() const {
  return enter_network_namespace(name_space_.get());
}

Result<void> inside_network(const NetworkIdentity& identity, const std::function<Result<void>()>& work) {
  for (const std::string& path : namespace_paths()) {
    if (inode_of(path) != identity.inode) continue;
    const FileDescriptor name_space = open_path(path);
    struct stat status{};
    if (!name_space || fstat(name_space.get(), &status) != 0 || status.st_ino != identity.inode) continue;
    return visit(name_space.get(), [&]() -> Result<void> {
      return cookie_here() == identity.cookie ? work() : Result<void>{};
    });
  }
  return {};
}

}  // namespace sonde::inject
