#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "inject/cgroup_target.h"

namespace sonde::inject {

/// A cgroup of the test's own in every hierarchy that can be written, "/sonde-inject-test-PID/api-2"; gone at
/// the end. Its CPU weight is four times the usual, so that a busy machine changes little of what a hog gets,
/// and the hog little of the machine.
class TestCgroup {
 public:
  TestCgroup();
  ~TestCgroup();
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;

  [[nodiscard]] std::string path() const { return "/" + namespace_name() + "/api-2"; }
  [[nodiscard]] std::string namespace_name() const;
  [[nodiscard]] const std::vector<CgroupFolder>& folders() const { return folders_; }
  /// Processes by hierarchy; hierarchies without any are left out.
  [[nodiscard]] std::map<std::string, std::vector<pid_t>> processes() const;
  /// CPU time used in it, read here and not by the code under test. Unit: seconds.
  [[nodiscard]] double cpu_seconds() const;
  /// Writes to a file of it, wherever the hierarchy with that file is; false where there is none.
  [[nodiscard]] bool write(const std::string& file, const std::string& text) const;

 private:
  std::vector<CgroupFolder> folders_;
};

}  // namespace sonde::inject
