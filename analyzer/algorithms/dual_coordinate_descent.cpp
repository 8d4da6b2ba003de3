#include "analyzer/algorithms/dual_coordinate_descent.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace sonde::analyzer {
namespace {

constexpr int kMostSweeps = 1000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Numbers below a bound, for shuffles that are made again at each sweep: 2 ns each instead of 10.
class FastRandom {
 public:
  explicit FastRandom(uint64_t seed) : state_(seed) {}
  uint32_t below(uint32_t bound) {
    state_ += 0x9e3779b97f4a7c15;  // SplitMix64
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return static_cast<uint32_t>(((mixed >> 32) * bound) >> 32);
  }

 private:
  uint64_t state_;
};

/// The least and the largest projected gradient of a sweep.
struct GradientRange {
  double least = kInfinity;
  double largest = -kInfinity;
};

class Solver {
 public:
  Solver(const PaddedRows& rows, std::span<const SidedRow> sided, uint64_t seed)
      : rows_(rows), random_(seed), weights_(1, rows.packs() * kPack) {
    active_.reserve(sided.size());
    for (const SidedRow& each : sided) {
      const double* const row = rows.row(each.row);
      active_.push_back({row, inner_product(row, row, rows.packs()), each.side, each.cost, 0});
    }
    // Of a row of zeros the multiplier changes nothing.
    std::erase_if(active_, [](const Multiplier& each) { return each.squared_length == 0; });
  }

  PaddedRows solve(double epsilon) {
    size_t left = active_.size();
    GradientRange bounds{-kInfinity, kInfinity};
    for (int i = 0; i < kMostSweeps; ++i) {
      const GradientRange range = sweep(left, bounds);
      if (range.largest - range.least > epsilon) {
        bounds.largest = range.largest <= 0 ? kInfinity : range.largest;
        bounds.least = range.least >= 0 ? -kInfinity : range.least;
      } else if (left == active_.size()) {
        break;
      } else {  // the rest is solved: are those that were left out still?
        left = active_.size();
        bounds = {-kInfinity, kInfinity};
      }
    }
    return std::move(weights_);
  }

 private:
  /// A row with its multiplier, in [0, cost].
  struct Multiplier {
    const double* row;
    double squared_length;
    double side;
    double cost;
    double value;
  };

  /// Compiled twice: a processor with AVX2 takes a pack at once, in half the time, and finds the same bits.
  GradientRange sweep(size_t& left, const GradientRange& bounds) {
#ifdef __x86_64__
    static const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
    if (kHasAvx2) return sweep_avx2(left, bounds);
#endif
    return sweep_inline(left, bounds);
  }
#ifdef __x86_64__
  [[gnu::target("avx2")]] GradientRange sweep_avx2(size_t& left, const GradientRange& bounds) {
    return sweep_inline(left, bounds);
  }
#endif

  /// Improves the first `left` multipliers one by one in random order; lowers `left` by those that have
  /// settled, which are swapped behind it.
  [[gnu::always_inline]] GradientRange sweep_inline(size_t& left, const GradientRange& bounds) {
    GradientRange range;
    for (size_t i = 0; i < left;) {
      std::swap(active_[i], active_[i + random_.below(static_cast<uint32_t>(left - i))]);
      Multiplier& here = active_[i];
      const double gradient = here.side * inner_product(weights_.row(0), here.row, rows_.packs()) - 1;
      const bool at_least = here.value == 0;
      const bool at_most = here.value == here.cost;
      if ((at_least && gradient > bounds.largest) || (at_most && gradient < bounds.least)) {
        std::swap(here, active_[--left]);
        continue;
      }
      ++i;
      const double projected = at_least  ? std::min(gradient, 0.0)
                               : at_most ? std::max(gradient, 0.0)
                                         : gradient;
      range.least = std::min(range.least, projected);
      range.largest = std::max(range.largest, projected);
      if (std::fabs(projected) < 1e-12) continue;
      const double value = std::clamp(here.value - gradient / here.squared_length, 0.0, here.cost);
      add_scaled(weights_.row(0), here.row, (value - here.value) * here.side, rows_.packs());
      here.value = value;
    }
    return range;
  }

  const PaddedRows& rows_;
  FastRandom random_;
  PaddedRows weights_;  ///< one row
  std::vector<Multiplier> active_;
};

}  // namespace

PaddedRows solve_hinge_loss(const PaddedRows& rows, std::span<const SidedRow> sided, double epsilon,
                            uint64_t seed) {
  return Solver(rows, sided, seed).solve(epsilon);
}

}  // namespace sonde::analyzer
