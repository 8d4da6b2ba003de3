#pragma once

#include <cstddef>
#include <string_view>

namespace sonde::inject {

/// How many letters are to be inserted, dropped or changed to make one word the other (Levenshtein).
size_t letters_between(std::string_view a, std::string_view b);

/// Whether `actual` may have been meant by whoever wrote `wanted`: two letters apart, or half of them.
bool is_near(std::string_view wanted, std::string_view actual);

}  // namespace sonde::inject
