#include "exporter/bpf_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace sonde::exporter {
namespace {

/// A batch ends at a hash bucket's end, so it must hold a whole bucket; real buckets hold a few entries.
constexpr size_t kBatch = 256;

}  // namespace

PerCpuHash::PerCpuHash(int descriptor, size_t key_size, size_t value_size, uint32_t capacity)
    : descriptor_(descriptor),
      key_size_(key_size),
      width_(value_size / sizeof(uint64_t)),
      capacity_(capacity),
      cpus_(static_cast<size_t>(std::max(1, libbpf_num_possible_cpus()))) {
  assert(key_size <= sizeof(MapKey) && value_size % sizeof(uint64_t) == 0);
  keys_.resize(kBatch * key_size_);
  values_.resize(kBatch * cpus_ * width_);
}

void PerCpuHash::append(size_t count, MapReading& reading) const {
  for (size_t i = 0; i < count; ++i) {
    MapKey key;
    std::memcpy(&key, keys_.data() + i * key_size_, key_size_);
    reading.keys.push_back(key);
    const size_t first = reading.counts.size();
    reading.counts.resize(first + width_, 0);
    const uint64_t* values = values_.data() + i * cpus_ * width_;
    for (size_t cpu = 0; cpu < cpus_; ++cpu) {
      for (size_t field = 0; field < width_; ++field)
        reading.counts[first + field] += values[cpu * width_ + field];
    }
  }
}

Result<void> PerCpuHash::read(MapReading& reading) {
  reading.width = width_;
  reading.keys.clear();
  reading.counts.clear();
  uint32_t position = 0;
  bool started = false;
  while (true) {
    auto count = static_cast<uint32_t>(keys_.size() / key_size_);
    const int status = bpf_map_lookup_batch(descriptor_, started ? &position : nullptr, &position,
                                            keys_.data(), values_.data(), &count, nullptr);
    if (status != 0 && errno == ENOSPC) {  // a bucket larger than the batch
      keys_.resize(keys_.size() * 2);
      values_.resize(values_.size() * 2);
      continue;
    }
    // ENOENT is the end of the map; what was found before it counts.
    if (status != 0 && errno != ENOENT) {
      if (!started && errno != EFAULT) return read_one_by_one(reading);
      return fail(ErrorCode::kUnavailable, fmt::format("reading a BPF map: {}", std::strerror(errno)));
    }
    append(count, reading);
    started = true;
    if (status != 0) return {};
  }
}

Result<void> PerCpuHash::read_one_by_one(MapReading& reading) {
  std::vector<std::byte> key(key_size_);
  const void* previous = nullptr;
  while (bpf_map_get_next_key(descriptor_, previous, keys_.data()) == 0) {
    if (bpf_map_lookup_elem(descriptor_, keys_.data(), values_.data()) == 0) append(1, reading);
    std::copy_n(keys_.begin(), key_size_, key.begin());
    previous = key.data();
  }
  if (errno != ENOENT) {
    return fail(ErrorCode::kUnavailable, fmt::format("reading a BPF map: {}", std::strerror(errno)));
  }
  return {};
}

std::vector<uint64_t> PerCpuHash::take(const MapKey& key) {
  if (bpf_map_lookup_and_delete_elem(descriptor_, &key, values_.data()) != 0) {
    // Kernels before 5.14 cannot do both at once on this kind of map.
    if (errno == ENOENT || bpf_map_lookup_elem(descriptor_, &key, values_.data()) != 0) return {};
    (void)bpf_map_delete_elem(descriptor_, &key);
  }
  std::vector<uint64_t> sums(width_, 0);
  for (size_t cpu = 0; cpu < cpus_; ++cpu) {
    for (size_t field = 0; field < width_; ++field) sums[field] += values_[cpu * width_ + field];
  }
  return sums;
}

}  // namespace sonde::exporter
