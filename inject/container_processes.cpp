#include "inject/container_processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

void add_processes(const fs::path& folder, std::vector<pid_t>& pids) {
  std::ifstream file(folder / "cgroup.procs");
  for (pid_t pid = 0; file >> pid;) {
    if (pid > 1) pids.push_back(pid);  // 0: of a pid namespace that is not below ours
  }
}

/// Whether it runs this program: a process of this fault or of another injector's.
bool is_ours(pid_t pid) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return !error && fs::read_symlink(fmt::format("/proc/{}/exe", pid), error) == self;
}

}  // namespace

std::vector<pid_t> processes_in(const CgroupTarget& target) {
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

std::vector<ProcessIdentity> container_processes(const CgroupTarget& target) {
  std::vector<ProcessIdentity> found;
  for (const pid_t pid : processes_in(target)) {
    const auto stat = read_process_stat(pid);
    if (stat && stat->runs() && !is_ours(pid)) found.push_back({pid, stat->start_ticks});
  }
  std::ranges::stable_sort(found, {}, &ProcessIdentity::start_ticks);
  return found;
}

}  // namespace sonde::inject
