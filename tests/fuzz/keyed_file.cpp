// Arbitrary bytes as memory.stat, cpu.stat, memory.events, cgroup.procs.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/cgroup_file.h"
#include "identity/network_namespace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::identity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t well_formed = 0;
  const size_t malformed = for_each_key(text, [&](std::string_view key, uint64_t) {
    if (key.empty() || key.find('\n') != std::string_view::npos) std::abort();
    ++well_formed;
  });
  size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  if (size > 0 && text.back() != '\n') ++lines;
  if (well_formed + malformed != lines) std::abort();
  if (const auto process = first_process(text); process && *process <= 0) std::abort();
  return 0;
}
