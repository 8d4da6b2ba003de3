#include "exporter/flows/pair_shares.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "common/log.h"

namespace sonde::exporter {
namespace {

constexpr size_t kCounts = SONDE_PAIR_SHARES + 1;

}  // namespace

PairShares::PairShares(int map) {
  void* const memory =
      ::mmap(nullptr, kCounts * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
  if (memory == MAP_FAILED) {
    log::warning("places of pairs are not given back", {{"reason", strerrordesc_np(errno)}});
    return;
  }
  counts_ = {static_cast<uint64_t*>(memory), kCounts};
}

PairShares::~PairShares() {
  if (!counts_.empty()) ::munmap(counts_.data(), counts_.size_bytes());
}

uint64_t PairShares::in_use() const {
  if (counts_.empty()) return 0;
  return std::atomic_ref(counts_[SONDE_ALL_PAIRS]).load(std::memory_order_relaxed);
}

void PairShares::give_back(uint32_t share) {
  if (counts_.empty() || share >= SONDE_PAIR_SHARES) return;
  std::atomic_ref(counts_[share]).fetch_sub(1, std::memory_order_relaxed);
  std::atomic_ref(counts_[SONDE_ALL_PAIRS]).fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace sonde::exporter
