#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "inject/fault_state.h"

// The state file of a fault: what is accepted must survive being written again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto state = sonde::inject::parse_state(text);
  if (!state) return 0;
  const auto again = sonde::inject::parse_state(sonde::inject::format_state(*state));
  if (!again || !(*again == *state)) std::abort();
  return 0;
}
