// Arbitrary bytes as /proc/PID/net/dev.

#include "exporter/net_dev.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const sonde::exporter::NetDev read = sonde::exporter::parse_net_dev(text);
  size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  if (size > 0 && text.back() != '\n') ++lines;
  if (read.devices.size() + read.malformed != (lines > 2 ? lines - 2 : 0)) std::abort();
  for (const auto& device : read.devices) {
    if (device.name.empty() || device.name.data() < text.data() || device.name.data() > text.data() + size)
      std::abort();
  }
  return 0;
}
