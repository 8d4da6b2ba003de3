#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/inject/test_cgroup.h"
#include "tests/inject/victim.h"

namespace sonde::inject {

/// What faults could leave behind on the machine.
struct Machine {
  std::map<std::string, std::string> freezers;  ///< that are asked for, of every cgroup of the machine
  std::vector<std::string> cgroups;             ///< below the test's
  std::vector<std::string> files;               ///< of our names, in /var/tmp
  std::string victim;                           ///< its limits, and its standing with the OOM killer
  std::set<std::string> programs;               ///< processes of sonde-inject, wherever they are: "PID START"
  std::map<std::string, std::string> processes;  ///< cgroups of all others, but for the youngest
};

Machine look(const TestCgroup& cgroup, const Victim& victim);

/// Processes that are in another cgroup afterwards; those that came or went meanwhile are others' business.
std::vector<std::string> moved_between(const Machine& before, const Machine& after);

/// A file's text; "" where it cannot be read.
std::string read_text(const std::filesystem::path& path);

}  // namespace sonde::inject
