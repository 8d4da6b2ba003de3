#include "analyzer/algorithms/rank_sort.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <numeric>

namespace sonde::analyzer {
namespace {

constexpr int kDigitBits = 11;
constexpr uint32_t kDigits = 1U << kDigitBits;
constexpr size_t kRadixFrom = 256;  ///< rows; below that std::sort is faster

}  // namespace

void sort_by_rank(std::vector<RankedRow>& rows, std::vector<RankedRow>& scratch, uint32_t largest) {
  if (rows.size() < kRadixFrom) {
    std::ranges::sort(rows, {}, &RankedRow::rank);
    return;
  }
  scratch.resize(rows.size());
  for (int shift = 0; shift < static_cast<int>(std::bit_width(largest)); shift += kDigitBits) {
    const auto digit = [&](const RankedRow& each) { return (each.rank >> shift) % kDigits; };
    std::array<uint32_t, kDigits> places{};
    for (const RankedRow& each : rows) ++places[digit(each)];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), 0U);
    for (const RankedRow& each : rows) scratch[places[digit(each)]++] = each;
    rows.swap(scratch);
  }
}

}  // namespace sonde::analyzer
