#include "inject/faults/file_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

/// The numbers of a process's open descriptors.
Result<std::set<uint64_t>> open_descriptors(pid_t pid) {
  std::set<uint64_t> numbers;
  std::error_code error;
  for (fs::directory_iterator entry(fmt::format("/proc/{}/fd", pid), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename();
    uint64_t number = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc())
      numbers.insert(number);
  }
  if (error) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot list the files of process {}: {}", pid, error.message()));
  }
  return numbers;
}

struct Ids {
  uid_t user = 0;
  gid_t group = 0;
};

/// The real ids of a process. Source: proc(5), /proc/PID/status.
std::optional<Ids> real_ids(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/status", pid));
  Ids ids;
  int found = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "Uid:" && words >> ids.user) ++found;
    if (key == "Gid:" && words >> ids.group) ++found;
  }
  return found == 2 ? std::optional(ids) : std::nullopt;
}

/// errno, or 0.
int change_limit(pid_t pid, uint64_t limit) {
  rlimit now{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &now) != 0) return errno;
  now.rlim_cur = std::min<rlim_t>(limit, now.rlim_max);
  return prlimit(pid, RLIMIT_NOFILE, &now, nullptr) == 0 ? 0 : errno;
}

/// The same, by a child that has become the user. It makes system calls only: the caller may have threads,
/// and glibc's wrappers of these change all threads' ids.
int change_limit_as(const Ids& ids, pid_t pid, uint64_t limit) {
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (syscall(SYS_setresgid, ids.group, ids.group, ids.group) != 0) _exit(errno);
    if (syscall(SYS_setresuid, ids.user, ids.user, ids.user) != 0) _exit(errno);
    _exit(change_limit(pid, limit));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

}  // namespace

std::string file_limit_text(const FileLimit& limit) {
  return fmt::format("{} {} {}", limit.process.start_ticks, limit.before, limit.lowered);
}

Result<FileLimit> parse_file_limit(pid_t pid, const std::string& text) {
  FileLimit limit;
  limit.process.pid = pid;
  std::istringstream words(text);
  if (pid <= 1 || !(words >> limit.process.start_ticks >> limit.before >> limit.lowered) ||
      !(words >> std::ws).eof()) {
    return fail(ErrorCode::kInvalid, fmt::format("files-{} {}: not 'START BEFORE LOWERED'", pid, text));
  }
  return limit;
}

Result<uint64_t> soft_file_limit(pid_t pid) {
  constexpr std::string_view kLine = "Max open files";
  std::ifstream file(fmt::format("/proc/{}/limits", pid));
  for (std::string line; std::getline(file, line);) {
    uint64_t soft = 0;
    if (line.starts_with(kLine) && std::istringstream(line.substr(kLine.size())) >> soft) return soft;
  }
  return fail(ErrorCode::kNotFound, fmt::format("process {} has no limits to read", pid));
}

Result<uint64_t> free_descriptors(pid_t pid, uint64_t limit) {
  const auto open = open_descriptors(pid);
  if (!open) return tl::unexpected(open.error());
  const auto below = static_cast<uint64_t>(std::distance(open->begin(), open->lower_bound(limit)));
  return limit - below;
}

Result<uint64_t> limit_that_leaves(pid_t pid, uint64_t left) {
  const auto open = open_descriptors(pid);
  if (!open) return tl::unexpected(open.error());
  uint64_t limit = 0;
  for (uint64_t free = 0; free < left || open->contains(limit); ++limit)
    free += open->contains(limit) ? 0 : 1;
  return limit;
}

Result<void> set_soft_file_limit(const ProcessIdentity& process, uint64_t limit) {
  if (!is_running(process)) return fail(ErrorCode::kNotFound, fmt::format("process {} is gone", process.pid));
  int error = change_limit(process.pid, limit);
  if (error == EPERM) {
    const auto ids = real_ids(process.pid);
    if (ids) error = change_limit_as(*ids, process.pid, limit);
  }
  if (error == 0) return {};
  if (error == ESRCH) return fail(ErrorCode::kNotFound, fmt::format("process {} is gone", process.pid));
  return fail(
      ErrorCode::kPermission,
      fmt::format("cannot change the limit of open files of process {}: {}; run with CAP_SYS_RESOURCE",
                  process.pid, std::strerror(error)));
}

}  // namespace sonde::inject
