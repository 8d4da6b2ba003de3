#include "common/network/namespace_visit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/log.h"

namespace sonde {

Result<FileDescriptor> open_network_namespace(const std::string& name_or_path) {
  const bool is_path = name_or_path.find('/') != std::string::npos;
  const std::string path = is_path ? name_or_path : "/run/netns/" + name_or_path;
  FileDescriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened) return opened;
  const bool forbidden = errno == EACCES || errno == EPERM;
  return fail(forbidden ? ErrorCode::kPermission : ErrorCode::kInvalid,
              fmt::format("network namespace {}: {}: {}; give a name that `ip netns` shows or a path such as "
                          "/proc/PID/ns/net",
                          name_or_path, path, strerrordesc_np(errno)));
}

Result<FileDescriptor> open_namespace_of_process(const std::string& procfs, int32_t process, uint64_t inode) {
  const std::string path = fmt::format("{}/{}/ns/net", procfs, process);
  FileDescriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) {
    const bool forbidden = errno == EACCES || errno == EPERM;
    return fail(forbidden ? ErrorCode::kPermission : ErrorCode::kNotFound,
                fmt::format("{}: {}", path, strerrordesc_np(errno)));
  }
  struct stat status{};
  if (fstat(opened.get(), &status) != 0 || status.st_ino != inode) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: no longer the container's", path));
  }
  return opened;
}

Result<void> enter_network_namespace(int name_space) {
  if (setns(name_space, CLONE_NEWNET) == 0) return {};
  return fail(errno == EPERM ? ErrorCode::kPermission : ErrorCode::kInvalid,
              fmt::format("a network namespace cannot be entered: {}{}", strerrordesc_np(errno),
                          errno == EPERM ? "; it needs CAP_SYS_ADMIN" : ""));
}

Result<NamespaceVisit> NamespaceVisit::begin(int name_space, int home) {
  if (auto entered = enter_network_namespace(name_space); !entered) return tl::unexpected(entered.error());
  return NamespaceVisit(home);
}

NamespaceVisit::NamespaceVisit(NamespaceVisit&& other) noexcept : home_(std::exchange(other.home_, -1)) {}

NamespaceVisit::~NamespaceVisit() {
  if (home_ < 0 || setns(home_, CLONE_NEWNET) == 0) return;
  // All that the thread does next would happen in a container.
  log::error("a thread cannot go back to its own network namespace", {{"reason", strerrordesc_np(errno)}});
  std::abort();
}

}  // namespace sonde
