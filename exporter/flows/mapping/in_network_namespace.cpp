#include "exporter/flows/mapping/in_network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/file_descriptor.h"

namespace sonde::exporter {

Result<void> in_network_namespace(const std::string& path, const std::function<Result<void>()>& work) {
  if (path.empty()) return work();
  const FileDescriptor name_space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!name_space) {
    return fail(ErrorCode::kNotFound,
                fmt::format("network namespace {}: {}; name one of /run/netns or /proc/PID/ns/net", path,
                            std::strerror(errno)));
  }
  Result<void> outcome;
  std::thread([&] {
    if (::setns(name_space.get(), CLONE_NEWNET) != 0) {
      outcome = fail(ErrorCode::kPermission,
                     fmt::format("network namespace {}: {}; entering it needs CAP_SYS_ADMIN", path,
                                 std::strerror(errno)));
      return;
    }
    outcome = work();
  }).join();
  return outcome;
}

}  // namespace sonde::exporter
