#include "inject/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace sonde::inject {

size_t letters_between(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

bool is_near(std::string_view wanted, std::string_view actual) {
  return letters_between(wanted, actual) <= std::max<size_t>(2, wanted.size() / 2);
}

}  // namespace sonde::inject
