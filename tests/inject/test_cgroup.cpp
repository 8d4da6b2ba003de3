#include "tests/inject/test_cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "identity/cgroup_mounts.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// v1's cpuset starts empty and takes no process until it has CPUs and memory nodes.
void inherit_cpuset(const fs::path& folder) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (fs::exists(folder / file)) std::ofstream(folder / file) << read_text(folder.parent_path() / file);
  }
}

/// A v2 cgroup has files of a controller only where the one above it has switched it on. One that is not
/// there to be switched on is left out.
void switch_controllers_on(const fs::path& parent) {
  for (const char* controller : {"+cpu", "+io", "+memory", "+pids"}) {
    std::ofstream(parent / "cgroup.subtree_control", std::ios::in) << controller << std::flush;
  }
}

/// A task that is on its way out holds its cgroup for a moment after cgroup.procs has stopped listing it.
bool removed(const fs::path& folder) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (rmdir(folder.c_str()) != 0) {
    if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace

TestCgroup::TestCgroup() {
  for (const auto& mount : identity::parse_mountinfo(read_text("/proc/self/mountinfo"))) {
    if (mount.type != "cgroup" && mount.type != "cgroup2") continue;
    const fs::path parent = fs::path(mount.point) / namespace_name();
    const fs::path folder = parent / "api-2";
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) continue;
    const bool unified = mount.type == "cgroup2";
    if (unified) {
      switch_controllers_on(parent);
    } else {
      inherit_cpuset(parent);
      inherit_cpuset(folder);
    }
    folders_.push_back({fs::path(mount.point).filename(), unified, folder});
  }
  for (const auto& folder : folders_) {
    for (const fs::path& level : {folder.path.parent_path(), folder.path}) {
      if (fs::exists(level / "cpu.shares")) std::ofstream(level / "cpu.shares") << "4096";
      if (fs::exists(level / "cpu.weight")) std::ofstream(level / "cpu.weight") << "400";
    }
  }
}

TestCgroup::~TestCgroup() {
  for (const auto& folder : folders_) {
    EXPECT_TRUE(removed(folder.path)) << folder.path << " is in use still";
    rmdir(folder.path.parent_path().c_str());
  }
}

std::string TestCgroup::namespace_name() const {
  return "sonde-inject-test-" + std::to_string(getpid());
}

std::map<std::string, std::vector<pid_t>> TestCgroup::processes() const {
  std::map<std::string, std::vector<pid_t>> found;
  for (const auto& folder : folders_) {
    std::ifstream file(folder.path / "cgroup.procs");
    for (pid_t pid = 0; file >> pid;) found[folder.path].push_back(pid);
  }
  return found;
}

double TestCgroup::cpu_seconds() const {
  for (const auto& folder : folders_) {
    const std::string text = read_text(folder.path / "cpuacct.usage");
    if (!text.empty()) return std::stod(text) / 1e9;
  }
  for (const auto& folder : folders_) {
    const std::string text = read_text(folder.path / "cpu.stat");
    if (text.starts_with("usage_usec ")) return std::stod(text.substr(11)) / 1e6;
  }
  ADD_FAILURE() << "no hierarchy accounts CPU time";
  return 0;
}

bool TestCgroup::write(const std::string& file, const std::string& text) const {
  for (const auto& folder : folders_) {
    if (!fs::exists(folder.path / file)) continue;
    std::ofstream stream(folder.path / file);
    stream << text;
    stream.flush();
    return stream.good();
  }
  return false;
}

}  // namespace sonde::inject
