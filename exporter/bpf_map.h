#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "bpf/cgroup_key.h"
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
  /// Replaces `reading` by the present counts. Errors: `reading` is then unspecified.
  virtual Result<void> read(MapReading& reading) = 0;
  /// Removes one key and returns its last counts; empty where there is none any more.
  virtual std::vector<uint64_t> take(const MapKey& key) = 0;
};

/// Reads a per-CPU hash whose values are structs of 64-bit counters, each summed over the CPUs.
///
/// Does not own the map. Threads: one. Cost: read() is one system call per 256 entries.
class PerCpuHash final : public CountSource {
 public:
  /// `key_size` is at most a MapKey's; shorter keys are read as its first bytes.
  PerCpuHash(int descriptor, size_t key_size, size_t value_size, uint32_t capacity);

  [[nodiscard]] size_t width() const override { return width_; }
  [[nodiscard]] uint32_t capacity() const override { return capacity_; }
  Result<void> read(MapReading& reading) override;
  std::vector<uint64_t> take(const MapKey& key) override;

 private:
  void append(size_t count, MapReading& reading) const;
  Result<void> read_one_by_one(MapReading& reading);

  int descriptor_;
  size_t key_size_;
  size_t width_;
  uint32_t capacity_;
  size_t cpus_;
  std::vector<std::byte> keys_;   ///< of one batch
  std::vector<uint64_t> values_;  ///< of one batch: per key and CPU
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
