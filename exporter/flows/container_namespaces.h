#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bpf/flow_key.h"
#include "common/clock.h"
#include "exporter/flows/links.h"

namespace sonde::exporter {

/// A container that has a network namespace of its own, and a process in it.
struct ContainerNetwork {
  uint64_t network_namespace = 0;  ///< inode
  int32_t process = 0;
  bool operator==(const ContainerNetwork&) const = default;
};

/// What is known of one container's network namespace.
struct ContainerNamespace {
  int32_t process = 0;
  /// The number that it has in the namespace of the socket.
  int32_t number = 0;
  std::vector<Link> links{};  ///< those that are listed within it; empty unless asked for
  std::vector<flow_address> addresses{};
  SteadyTime known_since{};
  SteadyTime listed_at{};
};

/// The network namespaces of the containers as seen from another one, without entering them. Threads: one.
class ContainerNamespaces {
 public:
  /// `with_links`: lists their interfaces too.
  ContainerNamespaces(std::string procfs, bool with_links)
      : procfs_(std::move(procfs)), with_links_(with_links) {}

  /// Takes over which containers there are, and lists the addresses of those that are new or were listed long
  /// ago: half a minute, and each time while they are young and have none yet.
  /// What is gone meanwhile is left out and is no error. Returns whether anything changed.
  /// Cost: about 20 µs for each that is listed.
  bool update(NetlinkSocket& socket, const std::vector<ContainerNetwork>& containers, SteadyTime now);

  /// By inode.
  [[nodiscard]] const std::map<uint64_t, ContainerNamespace>& all() const { return namespaces_; }
  /// The inode of the one with this number.
  [[nodiscard]] std::optional<uint64_t> find(int32_t number) const;
  /// How many could not be looked into for want of a right, at the last update.
  [[nodiscard]] size_t forbidden() const { return forbidden_; }

 private:
  bool list(NetlinkSocket& socket, ContainerNamespace& name_space, SteadyTime now) const;

  std::string procfs_;
  bool with_links_;
  std::map<uint64_t, ContainerNamespace> namespaces_;
  std::map<int32_t, uint64_t> inodes_;  ///< by number
  size_t forbidden_ = 0;
};

}  // namespace sonde::exporter
