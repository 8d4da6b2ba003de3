#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"
#include "common/network/namespace_visit.h"
#include "common/result.h"
#include "inject/cgroup_target.h"

namespace sonde::inject {

/// What tells a network namespace from every other one of this boot.
struct NetworkIdentity {
  uint64_t inode = 0;   ///< of /proc/PID/ns/net; may be used again when the namespace is gone
  uint64_t cookie = 0;  ///< never used again

  friend bool operator==(const NetworkIdentity&, const NetworkIdentity&) = default;
};

/// A container's network namespace and its interface to the outside.
class TargetNetwork {
 public:
  /// The namespace of the cgroup's processes; its interface of that name, or, with "", the one of its default
  /// route, else its only one beside loopback. Errors: kNotFound where the cgroup has no process or the
  /// namespace no such interface, kInvalid where it is the host's own namespace (a fault there would hit the
  /// whole machine) or where there are several interfaces to choose from.
  static Result<TargetNetwork> find(const CgroupTarget& target, const std::string& interface_name);

  [[nodiscard]] const NetworkIdentity& identity() const { return identity_; }
  [[nodiscard]] const std::string& interface_name() const { return interface_name_; }
  [[nodiscard]] uint32_t interface_index() const { return interface_index_; }
  [[nodiscard]] uint32_t mtu() const { return mtu_; }
  /// Some process in the cgroup.
  [[nodiscard]] pid_t process() const { return process_; }

  /// Runs `work` with the calling thread in the namespace. Errors: those of the visit and of `work`.
  Result<void> inside(const std::function<Result<void>()>& work) const;
  /// Puts the calling thread into it for good. Errors: kPermission.
  Result<void> enter() const;

 private:
  FileDescriptor name_space_;
  NetworkIdentity identity_;
  std::string interface_name_;
  uint32_t interface_index_ = 0;
  uint32_t mtu_ = 0;
  pid_t process_ = 0;
};

/// Finds a namespace of this boot again by a process that is in it or by its name (/run/netns, Docker's), and
/// runs `work` in it. Success, without running it, where there is none any more. Errors: those of `work`.
Result<void> inside_network(const NetworkIdentity& identity, const std::function<Result<void>()>& work);

}  // namespace sonde::inject
