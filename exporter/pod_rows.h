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
  };

  /// Those of now, in the table's order. A pod that was absent meanwhile has a new life.
  std::vector<Pod> update(const ContainerTable& containers);
  static std::vector<CountOwner> owners_of(const std::vector<Pod>& pods);

 private:
  struct Known {
    uint64_t life = 0;
    bool seen = false;
  };
  std::unordered_map<std::string, Known> known_;  ///< by labels and network namespace
  uint64_t last_life_ = 0;
};

}  // namespace sonde::exporter
