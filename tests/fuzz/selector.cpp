// The selector parser; what it accepts must survive being written and read again.

#include "analyzer/source/selector.h"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace sonde::analyzer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto selector = parse_selector({reinterpret_cast<const char*>(data), size});
  if (!selector) return 0;
  const auto again = parse_selector(selector_text(*selector));
  if (!again || again->size() != selector->size()) std::abort();
  for (size_t i = 0; i < again->size(); ++i) {
    const Matcher& left = (*selector)[i];
    const Matcher& right = (*again)[i];
    if (left.kind != right.kind || left.name != right.name || left.value != right.value) std::abort();
  }
  return 0;
}
