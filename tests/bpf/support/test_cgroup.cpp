#include "tests/bpf/support/test_cgroup.h"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "identity/container_name.h"

namespace sonde::test {
namespace {

std::string root_path() {
  return "/sonde-test-" + std::to_string(::getpid());
}

/// The directories of a cgroup path, one a mounted hierarchy.
std::vector<std::string> directories(const std::string& path) {
  std::vector<std::string> all;
  for (const identity::CgroupMount& mount : mounts().mounts()) {
    all.push_back(mounts().directory(mount.hierarchies.front(), path));
  }
  return all;
}

/// A cgroup whose last task is still on its way out refuses to go for a moment.
void remove_patiently(const std::string& directory) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (::rmdir(directory.c_str()) != 0 && errno == EBUSY && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// On v2 a cgroup has files of its own, and block I/O of its own, only where the one above it has switched
/// the controllers on; v1 has no such file. One that is not there to be switched on is left out.
void switch_controllers_on(const std::string& directory) {
  for (const char* const controller : {"+cpu", "+io", "+memory", "+pids"}) {
    std::ofstream(directory + "/cgroup.subtree_control", std::ios::in) << controller << std::flush;
  }
}

void write_process(const std::string& directory, pid_t process) {
  std::ofstream file(directory + "/cgroup.procs");
  file << process << std::flush;
  if (!file) throw std::runtime_error("cannot move a process to " + directory);
}

}  // namespace

const identity::CgroupMounts& mounts() {
  static const identity::CgroupMounts kRead = [] {
    auto found = identity::read_cgroup_mounts({});
    if (!found) throw std::runtime_error(found.error().message);
    return *found;
  }();
  return kRead;
}

TestCgroup::TestCgroup(const std::string& name) : path_(root_path() + "/" + name) {
  for (const identity::CgroupMount& mount : mounts().mounts()) {
    const std::string root = mounts().directory(mount.hierarchies.front(), root_path());
    ::mkdir(root.c_str(), 0755);
    switch_controllers_on(root);
    const std::string directory = mounts().directory(mount.hierarchies.front(), path_);
    struct stat status{};
    if (::mkdir(directory.c_str(), 0755) != 0 || ::stat(directory.c_str(), &status) != 0) {
      throw std::runtime_error("cannot make " + directory);
    }
    for (const identity::Hierarchy hierarchy : mount.hierarchies) {
      ids_[static_cast<size_t>(hierarchy)] = status.st_ino;
    }
  }
}

TestCgroup::~TestCgroup() {
  for (const std::string& directory : directories(path_)) remove_patiently(directory);
  for (const std::string& directory : directories(root_path()))
    ::rmdir(directory.c_str());  // once it is empty
}

void TestCgroup::yield_to_others() const {
  // cpu.idle since Linux 5.15; before it the smallest weight of v1 and of v2.
  for (const std::string& directory : directories(path_)) {
    for (const auto& [file, value] :
         {std::pair{"/cpu.shares", "2"}, std::pair{"/cpu.weight", "1"}, std::pair{"/cpu.idle", "1"}}) {
      std::ofstream(directory + file, std::ios::in) << value;
    }
  }
}

void TestCgroup::add(pid_t process) const {
  for (const std::string& directory : directories(path_)) write_process(directory, process);
}

void TestCgroup::remove_from_all(pid_t process) {
  for (const std::string& directory : directories("/")) write_process(directory, process);
}

exporter::Container TestCgroup::container() const {
  const identity::ContainerName name = identity::name_from_cgroup_path(path_);
  exporter::Container container;
  container.path = path_;
  container.name = name;
  container.labels = {{"namespace", name.name_space},
                      {"pod", name.pod},
                      {"container", name.container},
                      {"service", name.service}};
  container.pod_labels = {
      {"namespace", name.name_space}, {"pod", name.pod}, {"container", ""}, {"service", name.service}};
  container.service_labels = {{"namespace", name.name_space}, {"service", name.service}};
  container.cgroup_ids = ids_;
  container.life = *std::ranges::max_element(ids_);
  return container;
}

exporter::ContainerTable table_of(const std::vector<const TestCgroup*>& containers) {
  std::vector<exporter::Container> rows;
  exporter::ContainerTable::Owners owners;
  for (const TestCgroup* cgroup : containers) {
    for (size_t i = 0; i < owners.size(); ++i) {
      if (cgroup->ids()[i] != 0) owners[i][cgroup->ids()[i]] = static_cast<uint32_t>(rows.size());
    }
    rows.push_back(cgroup->container());
  }
  return {std::move(rows), {}, std::move(owners)};
}

}  // namespace sonde::test
