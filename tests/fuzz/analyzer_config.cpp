// The configuration file: any bytes must give a configuration or one line of complaint.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "analyzer/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::analyzer;
  const auto config = parse_config({reinterpret_cast<const char*>(data), size}, "fuzz.yml");
  if (config && config->metric_map.empty()) std::abort();
  if (!config && config.error().message.empty()) std::abort();
  return 0;
}
