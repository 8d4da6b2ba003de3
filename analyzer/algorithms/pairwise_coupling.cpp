#include "analyzer/algorithms/pairwise_coupling.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <vector>

namespace sonde::analyzer {
namespace {

constexpr int kMostIterations = 100;
constexpr double kTolerance = 0.005;  ///< divided by the number of classes

/// Q of the source's equation 21: minimising pᵀQp over the simplex is the task.
std::vector<double> quadratic_form(std::span<const double> pairwise, size_t classes) {
  std::vector<double> form(classes * classes, 0);
  for (size_t i = 0; i < classes; ++i) {
    for (size_t j = 0; j < classes; ++j) {
      if (i == j) continue;
      const double other = pairwise[j * classes + i];
      form[i * classes + i] += other * other;
      form[i * classes + j] = -other * pairwise[i * classes + j];
    }
  }
  return form;
}

}  // namespace

void couple_pairwise(std::span<const double> pairwise, std::span<double> out) {
  const size_t classes = out.size();
  assert(classes > 0 && pairwise.size() == classes * classes);
  const std::vector<double> form = quadratic_form(pairwise, classes);
  std::ranges::fill(out, 1 / static_cast<double>(classes));
  if (classes == 1) return;
  std::vector<double> products(classes);  // Q p
  for (int iteration = 0; iteration < kMostIterations; ++iteration) {
    double value = 0;  // pᵀ Q p
    for (size_t i = 0; i < classes; ++i) {
      products[i] = 0;
      for (size_t j = 0; j < classes; ++j) products[i] += form[i * classes + j] * out[j];
      value += out[i] * products[i];
    }
    double error = 0;
    for (const double product : products) error = std::max(error, std::fabs(product - value));
    if (error < kTolerance / static_cast<double>(classes)) return;

    for (size_t i = 0; i < classes; ++i) {
      const double own = form[i * classes + i];
      if (own <= 0) continue;
      const double step = (value - products[i]) / own;
      const double scale = 1 + step;
      out[i] += step;
      value = (value + step * (step * own + 2 * products[i])) / (scale * scale);
      for (size_t j = 0; j < classes; ++j) {
        products[j] = (products[j] + step * form[i * classes + j]) / scale;
        out[j] /= scale;
      }
    }
  }
}

}  // namespace sonde::analyzer
