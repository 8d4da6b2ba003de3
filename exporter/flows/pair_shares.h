#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bpf/pair_shares.h"

namespace sonde::exporter {

/// How many places the pairs of each interface have (map `pair_shares`), in memory that programs and exporter
/// share. Threads: safe.
class PairShares {
 public:
  /// Where the map cannot be mapped nothing is ever given back: interfaces then keep the share they once had.
  explicit PairShares(int map);
  ~PairShares();
  PairShares(const PairShares&) = delete;
  PairShares& operator=(const PairShares&) = delete;

  /// Places of all interfaces' pairs at this moment.
  [[nodiscard]] uint64_t in_use() const;
  /// One of the pairs that are counted there (share_of()) has no place any more.
  void give_back(uint32_t share);

 private:
  std::span<uint64_t> counts_;
};

}  // namespace sonde::exporter
