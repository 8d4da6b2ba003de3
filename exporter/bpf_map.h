#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "bpf/cgroup_key.h"
#include "common/clock.h"
#include "common/result.h"

namespace sonde::exporter {

/// The key of a map of counts: a cgroup (bpf/cgroup_key.h), or another thing's number with hierarchy 0.
struct MapKey {
  uint64_t id = 0;
  uint32_t hierarchy = 0;
  uint32_t reserved = 0;

  friend bool operator==(const MapKey&, const MapKey&) = default;
};
static_assert(sizeof(MapKey) == sizeof(cgroup_key));

/// One reading of a map of counts.
/// Shape: counts holds keys.size() × width values, those of a key side by side.
struct MapReading {
  size_t width = 0;
  std::vector<MapKey> keys;
  std::vector<uint64_t> counts;

  [[nodiscard]] std::span<const uint64_t> counts_of(size_t index) const {
    return std::span(counts).subspan(index * width, width);
  }
};

/// Where counts per key come from.
class CountSource {
 public:
  virtual ~CountSource() = default;

  /// Counters that a key has.
  [[nodiscard]] virtual size_t width() const = 0;
  /// Keys that fit.
  [[nodiscard]] virtual uint32_t capacity() const = 0;
  /// How long counts may stand still although their events go on.
  [[nodiscard]] virtual SteadyClock::duration period() const { return {}; }
  /// Replaces `reading` by the present counts. Errors: `reading` is then unspecified.
  virtual Result<void> read(MapReading& reading) = 0;
  /// The last counts of a key that was removed, empty where there was none any more; nothing where it could
  /// not be removed and stays.
  using Taken = std::optional<std::vector<uint64_t>>;
  /// Removes the keys. Shape: as `keys`.
  virtual std::vector<Taken> take(std::span<const MapKey> keys) = 0;
};

/// Reads the maps of bpf/lib/counts.bpf.h: keys have slots, and a slot's counts, a struct of 64-bit counters,
/// are summed over the CPUs.
///
/// A key that was taken leaves its slot unused until a later reading, before which no program is left that
/// had looked it up. Owns no map. Threads: one. Cost: read() is two system calls per 256 keys; a key that is
/// taken costs two of its own.
class SlotCounts final : public CountSource {
 public:
  /// The maps' descriptors.
  struct Maps {
    int slots = -1;
    int free_slots = -1;
    int recent = -1;
    int counts = -1;
  };

  SlotCounts(Maps maps, size_t value_size, uint32_t capacity);

  [[nodiscard]] size_t width() const override { return width_; }
  [[nodiscard]] uint32_t capacity() const override { return capacity_; }
  Result<void> read(MapReading& reading) override;
  std::vector<Taken> take(std::span<const MapKey> keys) override;

 private:
  Result<void> read_slots(std::vector<MapKey>& keys);
  /// Shape of `sums`: slots.size() × width.
  Result<void> read_counts(std::span<const uint32_t> slots, std::vector<uint64_t>& sums);
  void add_up(size_t first_value, std::span<uint64_t> sums) const;
  void forget_recent() const;
  void free_emptied();

  Maps maps_;
  size_t width_;
  uint32_t capacity_;
  size_t cpus_;
  std::vector<MapKey> keys_;       ///< of one batch
  std::vector<uint32_t> numbers_;  ///< of one batch: slots
  std::vector<uint64_t> values_;   ///< of one batch: per slot and CPU
  std::vector<uint32_t> slots_;    ///< of the keys of the last reading
  std::vector<uint32_t> emptied_;  ///< slots of keys taken since the last reading
};

}  // namespace sonde::exporter

/// Hashes for unordered containers.
template <>
struct std::hash<sonde::exporter::MapKey> {
  size_t operator()(const sonde::exporter::MapKey& key) const noexcept {
    // Ids are generation << 32 | number: multiply so that both halves count.
    return (key.id ^ (static_cast<uint64_t>(key.hierarchy) << 60)) * 0x9e3779b97f4a7c15ULL;
  }
};
