#pragma once

#include <sys/types.h>

#include <string>

#include "exporter/container_table.h"
#include "identity/cgroup_mounts.h"

namespace sonde::test {

/// A cgroup of the test's own, in every hierarchy that is mounted; removed at the end, parents first made.
class TestCgroup {
 public:
  /// `name` is below /sonde-test-PID: "target" or "target/inner".
  explicit TestCgroup(const std::string& name);
  ~TestCgroup();
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;

  /// Moves a process into it, in every hierarchy.
  void add(pid_t process) const;
  /// From now on its processes get only the CPU time that nobody else wants.
  void yield_to_others() const;
  /// Moves a process back to the roots.
  static void remove_from_all(pid_t process);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Its id in each hierarchy.
  [[nodiscard]] const identity::CgroupIds& ids() const { return ids_; }
  /// It as a container of the exporter, named by its path's last part.
  [[nodiscard]] exporter::Container container() const;

 private:
  std::string path_;
  identity::CgroupIds ids_{};
};

/// A table in which each cgroup is a container of its own.
exporter::ContainerTable table_of(const std::vector<const TestCgroup*>& containers);

/// The hierarchies mounted on this machine.
const identity::CgroupMounts& mounts();

}  // namespace sonde::test
