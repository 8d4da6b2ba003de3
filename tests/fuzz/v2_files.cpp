// Arbitrary bytes as io.stat and as a pressure file.

#include "exporter/v2_files.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sonde::exporter::parse_pressure(text);
  (void)sonde::exporter::parse_io_stat(text);
  return 0;
}
