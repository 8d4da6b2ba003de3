#include "analyzer/algorithms/dtw.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <vector>

namespace sonde::analyzer {

double dtw_squared(std::span<const double> a, std::span<const double> b) {
  assert(!a.empty() && !b.empty());
  constexpr double kUnreachable = std::numeric_limits<double>::infinity();
  // row[j + 1] holds the cost of aligning a[0..i] with b[0..j]; row[0] is the border before b.
  std::vector<double> row(b.size() + 1, kUnreachable);
  row[0] = 0;
  for (const double point : a) {
    double diagonal = row[0];
    row[0] = kUnreachable;
    double left = kUnreachable;
    for (size_t j = 0; j < b.size(); ++j) {
      const double above = row[j + 1];
      const double difference = point - b[j];
      left = difference * difference + std::min(std::min(diagonal, above), left);
      row[j + 1] = left;
      diagonal = above;
    }
  }
  return row[b.size()];
}

double dtw_distance(std::span<const double> a, std::span<const double> b) {
  return std::sqrt(dtw_squared(a, b) / static_cast<double>(std::max(a.size(), b.size())));
}

}  // namespace sonde::analyzer
