// Times and durations of the query command line.

#include "analyzer/query/time_argument.h"

#include <cstdint>
#include <cstdlib>

using namespace sonde::analyzer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto duration = parse_duration_ms(text);
  if (duration && *duration < 0) std::abort();
  [[maybe_unused]] const auto time = parse_time_ms(text, 1'700'000'000'000);
  return 0;
}
