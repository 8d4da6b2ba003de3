#include "tests/inject/machine.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "inject/process.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

/// A process that has just begun may be on its way into its cgroup, by whoever began it.
constexpr double kSettledSeconds = 2;

double uptime_seconds() {
  std::ifstream file("/proc/uptime");
  double seconds = 0;
  file >> seconds;
  return seconds;
}

void look_at_processes(Machine& machine) {
  const fs::path program = fs::canonical(SONDE_INJECT);
  const double settled = (uptime_seconds() - kSettledSeconds) * static_cast<double>(sysconf(_SC_CLK_TCK));
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto process = read_process_stat(std::stoi(name));
    if (!process || !process->runs()) continue;  // gone meanwhile
    const std::string key = name + " " + std::to_string(process->start_ticks);
    std::error_code kernel_thread;
    if (fs::read_symlink(entry.path() / "exe", kernel_thread) == program) {
      machine.programs.insert(key);
      continue;
    }
    const std::string cgroups = read_text(entry.path() / "cgroup");
    if (!cgroups.empty() && static_cast<double>(process->start_ticks) < settled)
      machine.processes[key] = cgroups;
  }
}

void look_at_freezers(Machine& machine) {
  const bool v1 = fs::exists("/sys/fs/cgroup/freezer");
  for (const fs::path root : {v1 ? "/sys/fs/cgroup/freezer" : "/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(root, none)) {
      // Tests of others come and go with theirs; what is frozen is what counts.
      const std::string name = entry.path().filename();
      const std::string text =
          name == "freezer.state" || name == "cgroup.freeze" ? read_text(entry.path()) : "";
      if (text.starts_with("FR") || text.starts_with("1")) machine.freezers[entry.path()] = text;
    }
  }
}

}  // namespace

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Machine look(const TestCgroup& cgroup, const Victim& victim) {
  Machine machine;
  look_at_processes(machine);
  look_at_freezers(machine);
  for (const auto& folder : cgroup.folders()) {
    for (const auto& entry : fs::recursive_directory_iterator(folder.path)) {
      if (entry.is_directory()) machine.cgroups.push_back(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator("/var/tmp")) {
    const std::string name = entry.path().filename();
    if (name.starts_with(".sonde-")) machine.files.push_back(name);
  }
  const fs::path process = "/proc/" + std::to_string(victim.pid());
  machine.victim = read_text(process / "limits") + read_text(process / "oom_score_adj");
  return machine;
}

std::vector<std::string> moved_between(const Machine& before, const Machine& after) {
  std::vector<std::string> moved;
  for (const auto& [process, cgroups] : before.processes) {
    const auto now = after.processes.find(process);
    if (now != after.processes.end() && now->second != cgroups) moved.push_back(process + "\n" + now->second);
  }
  return moved;
}

}  // namespace sonde::inject
