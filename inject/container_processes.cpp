#include "inject/container_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

void add_processes(const fs::path& folder, std::vector<pid_t>& pids) {
  std::ifstream file(folder / "cgroup.procs");
  for (pid_t pid = 0; file >> pid;) {
    if (pid > 0) pids.push_back(pid);  // 0: of a pid namespace that is not below ours
  }
}

/// Whether it runs this program: a process of this fault or of another injector's.
bool is_ours(pid_t pid) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return !error && fs::read_symlink(fmt::format("/proc/{}/exe", pid), error) == self;
}

/// As processes_in(), init too.
std::vector<pid_t> everybody_in(const CgroupTarget& target) {
  std::vector<pid_t> pids;
  for (const auto& folder : target.folders()) {
    add_processes(folder.path, pids);
    std::error_code error;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator entry(folder.path, options, error), end; !error && entry != end;
         entry.increment(error)) {
      std::error_code vanished;
      if (entry->is_directory(vanished)) add_processes(entry->path(), pids);
    }
  }
  std::ranges::sort(pids);
  const auto repeated = std::ranges::unique(pids);
  pids.erase(repeated.begin(), repeated.end());
  return pids;
}

/// The calling process, its parent, that one's parent and so on.
std::vector<pid_t> own_line() {
  std::vector<pid_t> line;
  for (pid_t pid = getpid(); pid > 0 && std::ranges::count(line, pid) == 0;) {
    line.push_back(pid);
    const auto stat = read_process_stat(pid);
    pid = stat ? stat->parent : 0;
  }
  return line;
}

}  // namespace

Result<void> refuse_own_cgroup(const CgroupTarget& target, std::string_view why_not) {
  const auto everybody = everybody_in(target);
  for (const pid_t pid : own_line()) {
    if (!std::ranges::binary_search(everybody, pid)) continue;
    return fail(
        ErrorCode::kInvalid,
        fmt::format("'{}' holds this injector too, or process {}, which it descends from: {}; start it "
                    "elsewhere",
                    target.path(), pid, why_not));
  }
  return {};
}

std::vector<pid_t> processes_in(const CgroupTarget& target) {
  std::vector<pid_t> pids = everybody_in(target);
  std::erase(pids, 1);
  return pids;
}

std::vector<ProcessIdentity> container_processes(const CgroupTarget& target) {
  std::vector<ProcessIdentity> found;
  for (const pid_t pid : processes_in(target)) {
    const auto stat = read_process_stat(pid);
    if (stat && stat->runs() && !is_ours(pid)) found.push_back({pid, stat->start_ticks});
  }
  std::ranges::stable_sort(found, {}, &ProcessIdentity::start_ticks);
  return found;
}

bool is_container_process(const CgroupTarget& target, const ProcessIdentity& process) {
  return std::ranges::count(processes_in(target), process.pid) > 0 && is_running(process);
}

Result<FileDescriptor> open_of_process(const CgroupTarget& target, const ProcessIdentity& process,
                                       const char* path, int flags) {
  const std::string full = fmt::format("/proc/{}/{}", process.pid, path);
  FileDescriptor opened(open(full.c_str(), flags | O_CLOEXEC));
  if (!opened) return fail(ErrorCode::kNotFound, fmt::format("{}: {}", full, std::strerror(errno)));
  if (!is_container_process(target, process)) {
    return fail(ErrorCode::kNotFound,
                fmt::format("process {} is gone from '{}'; start again", process.pid, target.path()));
  }
  return opened;
}

}  // namespace sonde::inject
