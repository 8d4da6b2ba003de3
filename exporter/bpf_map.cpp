#include "exporter/bpf_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bpf/slots.h"

namespace sonde::exporter {
namespace {

/// A batch of a hash ends at a bucket's end, so it must hold a whole bucket; real buckets hold a few entries.
constexpr size_t kBatch = 256;

tl::unexpected<Error> cannot_read() {
  return fail(ErrorCode::kUnavailable, fmt::format("reading a BPF map: {}", std::strerror(errno)));
}

}  // namespace

SlotCounts::SlotCounts(Maps maps, size_t value_size, uint32_t capacity)
    : maps_(maps),
      width_(value_size / sizeof(uint64_t)),
      capacity_(capacity),
      cpus_(static_cast<size_t>(std::max(1, libbpf_num_possible_cpus()))) {
  assert(value_size % sizeof(uint64_t) == 0);
  keys_.resize(kBatch);
  numbers_.resize(kBatch);
  values_.resize(kBatch * cpus_ * width_);
}

void SlotCounts::add_up(size_t first_value, std::span<uint64_t> sums) const {
  const uint64_t* values = values_.data() + first_value;
  for (size_t cpu = 0; cpu < cpus_; ++cpu) {
    for (size_t field = 0; field < width_; ++field) sums[field] += values[cpu * width_ + field];
  }
}

Result<void> SlotCounts::read(MapReading& reading) {
  free_emptied();
  reading.width = width_;
  if (auto read = read_slots(reading.keys); !read) return read;
  return read_counts(slots_, reading.counts);
}

Result<void> SlotCounts::read_slots(std::vector<MapKey>& keys) {
  keys.clear();
  slots_.clear();
  uint32_t position = 0;
  bool started = false;
  while (true) {
    auto count = static_cast<uint32_t>(keys_.size());
    const int status = bpf_map_lookup_batch(maps_.slots, started ? &position : nullptr, &position,
                                            keys_.data(), numbers_.data(), &count, nullptr);
    if (status != 0 && errno == ENOSPC) {  // a bucket larger than the batch
      keys_.resize(keys_.size() * 2);
      numbers_.resize(keys_.size());
      continue;
    }
    // ENOENT is the end of the map; what was found before it counts.
    if (status != 0 && errno != ENOENT) return cannot_read();
    keys.insert(keys.end(), keys_.begin(), keys_.begin() + count);
    slots_.insert(slots_.end(), numbers_.begin(), numbers_.begin() + count);
    started = true;
    if (status != 0) return {};
  }
}

Result<void> SlotCounts::read_counts(std::span<const uint32_t> slots, std::vector<uint64_t>& sums) {
  sums.assign(slots.size() * width_, 0);
  if (slots.empty()) return {};
  constexpr uint32_t kNobody = UINT32_MAX;
  std::vector<uint32_t> owners(*std::max_element(slots.begin(), slots.end()) + size_t{1}, kNobody);
  for (uint32_t index = 0; index < slots.size(); ++index) owners[slots[index]] = index;

  // An array's batches are its indices in order, and `position` the last one read.
  std::vector<uint32_t> batch(kBatch);
  uint32_t position = 0;
  for (size_t first = 0; first < owners.size(); first += kBatch) {
    auto count = static_cast<uint32_t>(std::min(kBatch, owners.size() - first));
    const int status = bpf_map_lookup_batch(maps_.counts, first == 0 ? nullptr : &position, &position,
                                            batch.data(), values_.data(), &count, nullptr);
    if (status != 0 && errno != ENOENT) return cannot_read();
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t owner = batch[i] < owners.size() ? owners[batch[i]] : kNobody;
      if (owner == kNobody) continue;
      add_up(i * cpus_ * width_, std::span(sums).subspan(owner * width_, width_));
    }
  }
  return {};
}

std::vector<CountSource::Taken> SlotCounts::take(std::span<const MapKey> keys) {
  std::vector<Taken> taken(keys.size());
  std::vector<size_t> found;    // indices of keys
  std::vector<uint32_t> slots;  // theirs
  for (size_t i = 0; i < keys.size(); ++i) {
    uint32_t slot = 0;
    if (bpf_map_lookup_and_delete_elem(maps_.slots, &keys[i], &slot) == 0) {
      found.push_back(i);
      slots.push_back(slot);
    } else if (errno == ENOENT) {
      taken[i].emplace();
    }  // else the kernel had the map's lock at that moment
  }
  if (found.empty()) return taken;
  forget_recent();
  emptied_.insert(emptied_.end(), slots.begin(), slots.end());
  std::vector<uint64_t> sums;
  (void)read_counts(slots, sums);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto first = sums.begin() + static_cast<ptrdiff_t>(i * width_);
    taken[found[i]].emplace(first, first + static_cast<ptrdiff_t>(width_));
  }
  return taken;
}

void SlotCounts::forget_recent() const {
  const std::vector<recent_slots> nothing(cpus_);
  const uint32_t zero = 0;
  (void)bpf_map_update_elem(maps_.recent, &zero, nothing.data(), BPF_ANY);
}

void SlotCounts::free_emptied() {
  if (emptied_.empty()) return;
  // A program that had found a slot before its key was deleted may note it as recent until it ends: they run
  // with preemption off, so all have ended after this. The kernel refuses it with nohz_full; there the time
  // between two readings has to do.
  (void)::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0);
  forget_recent();
  const std::vector<uint64_t> nothing(std::min(kBatch, emptied_.size()) * cpus_ * width_, 0);
  for (size_t first = 0; first < emptied_.size(); first += kBatch) {
    auto count = static_cast<uint32_t>(std::min(kBatch, emptied_.size() - first));
    (void)bpf_map_update_batch(maps_.counts, &emptied_[first], nothing.data(), &count, nullptr);
  }
  for (const uint32_t slot : emptied_) {
    (void)bpf_map_update_elem(maps_.free_slots, nullptr, &slot, BPF_ANY);
  }
  emptied_.clear();
}

}  // namespace sonde::exporter
