#include "exporter/flows/map_batches.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace sonde::exporter {
namespace {

constexpr size_t kBatchBytes = 256 * 1024;
constexpr size_t kFewestEntries = 64;

tl::unexpected<Error> unreadable() {
  return fail(ErrorCode::kUnavailable, fmt::format("reading a BPF map: {}", std::strerror(errno)));
}

size_t entries_per_batch(size_t value_size) {
  return std::max(kFewestEntries, kBatchBytes / value_size);
}

}  // namespace

Result<void> read_hash(int map, size_t key_size, size_t value_size,
                       const std::function<void(const MapBatch&)>& take) {
  size_t room = entries_per_batch(value_size);
  std::vector<std::byte> keys(room * key_size);
  std::vector<std::byte> values(room * value_size);
  uint32_t position = 0;
  bool started = false;
  while (true) {
    auto count = static_cast<uint32_t>(room);
    const int status = bpf_map_lookup_batch(map, started ? &position : nullptr, &position, keys.data(),
                                            values.data(), &count, nullptr);
    if (status != 0 && errno == ENOSPC) {  // a bucket larger than the batch
      room *= 2;
      keys.resize(room * key_size);
      values.resize(room * value_size);
      continue;
    }
    const bool end = status != 0 && errno == ENOENT;  // what was found before it counts
    if (status != 0 && !end) return unreadable();
    take({keys, values, count});
    if (end) return {};
    started = true;
  }
}

Result<void> read_array(int map, size_t value_size, uint32_t first, uint32_t count,
                        const std::function<void(uint32_t, const MapBatch&)>& take) {
  const size_t room = entries_per_batch(value_size);
  std::vector<std::byte> keys(room * sizeof(uint32_t));
  std::vector<std::byte> values(room * value_size);
  uint32_t position = first - 1;  // a batch begins behind the last index that was read
  const uint32_t end = first + count;
  for (uint32_t next = first; next < end;) {
    uint32_t got = std::min(static_cast<uint32_t>(room), end - next);
    const int status = bpf_map_lookup_batch(map, next == 0 ? nullptr : &position, &position, keys.data(),
                                            values.data(), &got, nullptr);
    if (status != 0 && errno != ENOENT) return unreadable();
    take(next, {keys, values, got});
    if (status != 0 || got == 0) return {};
    next += got;
  }
  return {};
}

}  // namespace sonde::exporter
