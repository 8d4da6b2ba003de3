#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "exporter/container_table.h"

namespace sonde::exporter {

/// The containers that ended not long ago: what they counted last is yet to be read, so tables still have
/// them. Threads: one.
class EndedContainers {
 public:
  /// `most` of them are kept, the latest. Those beyond it that no table has had yet become one life of
  /// ~other.
  EndedContainers(size_t most, std::chrono::milliseconds linger) : most_(most), linger_(linger) {}

  /// `seen`: a table had it while it lived, so its counts have a row.
  void add(Container container, bool seen, SteadyTime now);

  /// Whether list() would leave out some that the last one had.
  [[nodiscard]] bool due(SteadyTime now) const;
  /// Those for a table, the oldest first, and who owns their cgroups. `first_place`: the index of the first.
  /// Forgets those that a table has had and that ended `linger` ago.
  std::vector<Container> list(uint32_t first_place, ContainerTable::Owners& owners, SteadyTime now);

  /// How many were part of ~other because no table had room for them.
  [[nodiscard]] uint64_t overflowed() const { return overflowed_; }

  /// The cgroups of so many are told from the host's between two tables: more than the kernel's maps hold.
  static constexpr size_t kMostOverflowing = 16384;

 private:
  struct Ended {
    Container container;
    std::vector<identity::CgroupIds> cgroups;
    SteadyTime at;
    bool seen = false;    ///< a table has had it, alive or ended
    bool listed = false;  ///< a table has had it as ended
  };

  void overflow(const Ended& one, SteadyTime now);

  size_t most_;
  std::chrono::milliseconds linger_;
  std::deque<Ended> ended_;        ///< oldest first
  std::optional<Ended> overflow_;  ///< since the last table
  uint64_t overflowed_ = 0;
};

}  // namespace sonde::exporter
