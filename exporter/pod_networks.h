#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "exporter/container_table.h"
#include "identity/cgroup_file.h"
#include "identity/cgroup_mounts.h"

namespace sonde::exporter {

/// Finds a process of each container, and with it the container's network namespace. Threads: one.
class PodNetworks {
 public:
  PodNetworks(identity::HostRoots roots, identity::CgroupMounts mounts,
              std::shared_ptr<identity::FileBudget> open_files);

  /// Sets process_id and network_namespace of each container; returns whether any changed. That a process has
  /// changed its namespace is noticed within the time for which it has been known, at most kLongestTrust.
  /// Cost: about 5 µs a container with a process, 15 µs for each hierarchy of one without.
  bool update(std::vector<Container>& containers, SteadyTime now);

  static constexpr std::chrono::seconds kLongestTrust{60};

 private:
  /// Where a container's processes were last found.
  struct Known {
    identity::CgroupIds ids{};
    std::optional<identity::KeptFile> processes;
    int32_t process = 0;         ///< the first of them
    uint64_t name_space = 0;     ///< its
    SteadyTime process_since{};  ///< when it was found
    SteadyTime looked_at{};      ///< when its namespace was read
    bool seen = false;
  };

  int32_t find_process(const Container& container, Known& known);
  std::optional<int32_t> read_first(identity::KeptFile& file);
  uint64_t namespace_of(int32_t process, Known& known, SteadyTime now) const;

  identity::HostRoots roots_;
  identity::CgroupMounts mounts_;
  std::shared_ptr<identity::FileBudget> budget_;
  uint64_t host_namespace_;
  std::string buffer_;
  std::unordered_map<std::string, Known> known_;  ///< by path
};

}  // namespace sonde::exporter
