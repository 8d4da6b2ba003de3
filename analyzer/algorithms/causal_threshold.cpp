#include "analyzer/algorithms/causal_threshold.h"

#include <algorithm>
#include <cmath>

namespace sonde::analyzer {

double CausalThreshold::value() const {
  if (!learned()) return options_.before_minimum;
  if (small_sample()) return sorted_.back() * options_.small_margin;
  const double place = options_.quantile * static_cast<double>(sorted_.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted_.size() - 1);
  return sorted_[below] + (place - std::floor(place)) * (sorted_[above] - sorted_[below]);
}

void CausalThreshold::add(double score) {
  if (in_order_.size() == options_.capacity) {
    sorted_.erase(std::ranges::lower_bound(sorted_, in_order_.front()));
    in_order_.pop_front();
  }
  in_order_.push_back(score);
  sorted_.insert(std::ranges::upper_bound(sorted_, score), score);
}

void CausalThreshold::add_exceedance(double score) {
  // Of a small sample the threshold is the largest score times the margin, so that the margin comes off
  // again.
  const double largest = kLargestRise * value() / (small_sample() ? options_.small_margin : 1);
  add(std::min(score, largest));
}

std::optional<bool> AcceptanceFilter::push(bool flagged) {
  std::ranges::rotate(flags_, flags_.begin() + 1);
  flags_.back() = flagged;
  if (++seen_ <= kDelay) return std::nullopt;
  const auto count = std::ranges::count(flags_, true);
  return !flags_[kDelay] || count == 1;
}

}  // namespace sonde::analyzer
