#pragma once

#include <cstdint>
#include <string>

#include "common/file_descriptor.h"
#include "common/result.h"

namespace sonde {

/// Opens a network namespace by its name below /run/netns (as `ip netns` makes them) or by a path that holds
/// a '/'. Errors: kInvalid where there is none, kPermission.
Result<FileDescriptor> open_network_namespace(const std::string& name_or_path);

/// Opens the network namespace of a container's process, if its inode is the expected one. Errors: kNotFound
/// where the process is gone or another has its number, kPermission.
Result<FileDescriptor> open_namespace_of_process(const std::string& procfs, int32_t process, uint64_t inode);

/// Puts the calling thread into a network namespace, for good. Errors: kPermission without CAP_SYS_ADMIN.
Result<void> enter_network_namespace(int name_space);

/// Puts the calling thread into a network namespace and, when it goes, back into its own (which may not be
/// that of the process). REQUIRES: it is made and destroyed in one thread.
class NamespaceVisit {
 public:
  /// `home`: descriptor of the thread's own namespace. Errors: as enter_network_namespace().
  static Result<NamespaceVisit> begin(int name_space, int home);
  NamespaceVisit(NamespaceVisit&& other) noexcept;
  NamespaceVisit& operator=(NamespaceVisit&&) = delete;
  ~NamespaceVisit();

 private:
  explicit NamespaceVisit(int home) : home_(home) {}
  int home_;
};

}  // namespace sonde
