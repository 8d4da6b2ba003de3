#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "common/metrics/labels.h"
#include "exporter/bpf_map.h"

namespace sonde::exporter {

/// Turns what the kernel counted per cgroup into rows that never fall.
///
/// Each reading's increments are added to the row of the cgroup's present owner, so a row keeps the counts of
/// cgroups that are gone and of map entries that were deleted. A key without owner is credited to the host
/// row from its second reading on, as its container may not be known at the first. A row belongs to its
/// labels: a successor with the same labels goes on where its predecessor ended. Threads: one.
class RowAccounts {
 public:
  /// One row to export.
  struct Row {
    metrics::Labels labels;
    std::vector<uint64_t> totals;  ///< `width` counters since the exporter started
  };

  /// The index into `rows` of who owns a key; nothing for what belongs to no container (yet).
  using OwnerOf = std::function<std::optional<uint32_t>(const MapKey&)>;

  explicit RowAccounts(size_t width);

  /// Takes in one reading. `rows` are the labels of every row to export, from 0 on; equal ones share a row.
  void update(const MapReading& reading, std::span<const metrics::Labels* const> rows,
              const OwnerOf& owner_of, SteadyTime now);

  /// The rows named by the last update, each once, in its order.
  [[nodiscard]] std::span<const Row* const> rows() const { return listed_; }
  /// What belongs to no container; its four labels are "".
  [[nodiscard]] const Row& host_row() const { return host_.row; }

  /// Entries in which nothing was counted for the time given; those that somebody owns only with
  /// `owned_too`, because a removed cgroup stays known to its owner. An entry may be deleted at any time: a
  /// cgroup that wakes up starts a new one.
  [[nodiscard]] std::vector<MapKey> idle(SteadyClock::duration unchanged_for, bool owned_too,
                                         SteadyTime now) const;

  /// Forgets an entry that was deleted, after adding what its final counts hold beyond the last reading.
  void forget(const MapKey& key, std::span<const uint64_t> final_counts);

 private:
  struct StoredRow {
    Row row;
    SteadyTime listed_at;
    uint64_t listed_in = 0;  ///< number of the update
  };
  struct KeyState {
    std::vector<uint64_t> counts;  ///< of the last reading
    StoredRow* row = nullptr;      ///< null: new, and nobody's yet
    SteadyTime changed_at;
    bool owned = false;
  };

  StoredRow& row_of(const metrics::Labels& labels);
  void credit(KeyState& state, std::span<const uint64_t> counts, SteadyTime now) const;
  void drop_old_rows(SteadyTime now);

  size_t width_;
  uint64_t updates_ = 0;
  StoredRow host_;
  std::unordered_map<std::string, std::unique_ptr<StoredRow>> stored_;
  std::unordered_map<MapKey, KeyState> keys_;
  std::vector<const Row*> listed_;
};

}  // namespace sonde::exporter
