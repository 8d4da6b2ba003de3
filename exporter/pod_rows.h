#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "exporter/container_table.h"
#include "exporter/container_totals.h"

namespace sonde::exporter {

/// The pods of a table as owners of counts: one for each network namespace but the host's. Threads: one.
class PodRows {
 public:
  struct Pod {
    const Container* container;  ///< the one whose network namespace's row is the pod's
    uint64_t life;
    uint32_t name;            ///< CountOwner::name
    std::string key;          ///< of its network namespace and labels
    std::string earlier_key;  ///< what it was until now, if its container has got another name; else ""
  };

  /// Those of now, in the table's order. A pod that was absent meanwhile has a new life.
  std::vector<Pod> update(const ContainerTable& containers);
  static std::vector<CountOwner> owners_of(const std::vector<Pod>& pods);

 private:
  struct Known {
    uint64_t life = 0;
    uint32_t name = 1;
    uint64_t network_namespace = 0;
    uint64_t container_life = 0;
    bool seen = false;
  };

  std::string take_over_name(const Container& container, const std::string& key);

  std::unordered_map<std::string, Known> known_;  ///< by network namespace and labels
  uint64_t last_life_ = 0;
};

}  // namespace sonde::exporter
