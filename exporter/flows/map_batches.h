#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "common/result.h"

namespace sonde::exporter {

/// Entries of a BPF map that were read together, as bytes one after the other.
struct MapBatch {
  std::span<const std::byte> keys;
  std::span<const std::byte> values;
  size_t count = 0;
};

/// Reads a hash whole. What changes meanwhile may be missing or seen twice. `take` gets each batch.
/// Errors: the map could not be read; the batches before it were taken.
Result<void> read_hash(int map, size_t key_size, size_t value_size,
                       const std::function<void(const MapBatch&)>& take);

/// Reads `count` elements of an array from `first` on; `value_size` is of all CPUs together where it is per
/// CPU. `take` gets the index of the first of each batch. Errors: as read_hash().
Result<void> read_array(int map, size_t value_size, uint32_t first, uint32_t count,
                        const std::function<void(uint32_t first, const MapBatch&)>& take);

}  // namespace sonde::exporter
