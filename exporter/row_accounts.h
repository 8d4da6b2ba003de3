#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "exporter/bpf_map.h"
#include "exporter/container_totals.h"

namespace sonde::exporter {

/// Turns what the kernel counted per cgroup into rows that never fall.
///
/// Each reading's increments are added to the row of the cgroup's present owner, so a row keeps the counts of
/// cgroups that are gone and of map entries that were deleted. A key without owner is credited to the host
/// row from its second reading on, as its container may not be known at the first; one whose owner has no
/// name yet waits for it. Threads: one.
class RowAccounts {
 public:
  using Row = ContainerTotals::Row;

  /// The index into `owners` of who owns a key; ContainerTable::kUndecided; nothing for what belongs to no
  /// container (yet).
  using OwnerOf = std::function<std::optional<uint32_t>(const MapKey&)>;

  RowAccounts(size_t width, RowRetention retention);

  /// Takes in one reading. `owners`: everyone with a row. `host_of`: of whose rows a key is that nobody ever
  /// owned, from its second reading on; without it the host row's.
  void update(const MapReading& reading, std::span<const CountOwner> owners, const OwnerOf& owner_of,
              SteadyTime now, const OwnerOf& host_of = {});

  /// The rows as of the last update, and those of services' ended containers.
  [[nodiscard]] const ContainerTotals& totals() const { return totals_; }
  /// What belongs to no container; its four labels are "".
  [[nodiscard]] const Row& host_row() const { return host_; }

  /// Entries in which nothing was counted for the time given, and at once those of containers that ended;
  /// those that somebody living owns only with `owned_too`, because a removed cgroup stays known to its
  /// owner. An entry may be deleted at any time: a cgroup that wakes up starts a new one.
  [[nodiscard]] std::vector<MapKey> idle(SteadyClock::duration unchanged_for, bool owned_too,
                                         SteadyTime now) const;

  /// Forgets an entry that was deleted, after adding what its final counts hold beyond the last reading.
  void forget(const MapKey& key, std::span<const uint64_t> final_counts);

 private:
  struct KeyState {
    std::vector<uint64_t> counts;  ///< of the last reading
    uint64_t life = 0;             ///< of its owner, the last that it had
    bool decided = false;          ///< whose it is: if nobody's (life 0), the host's
    bool owned = false;            ///< now
    bool ended = false;            ///< its owner
    SteadyTime changed_at;
  };

  void credit(KeyState& state, std::span<const uint64_t> counts, SteadyTime now);

  size_t width_;
  ContainerTotals totals_;
  Row host_;
  std::unordered_map<MapKey, KeyState> keys_;
  std::vector<uint64_t> increments_;
};

}  // namespace sonde::exporter
