#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#if defined(__SANITIZE_THREAD__)
#define SONDE_SHADOW_MEMORY 1
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/// AddressSanitizer keeps freed memory back, up to 256 MB: what one answer after another needs is judged by
/// the optimised build of these tests alone.
#define SONDE_FREED_MEMORY_STAYS 1
#endif

namespace sonde::http {

inline constexpr size_t kMebibyte = 1024UL * 1024;
inline constexpr size_t kAllowedGrowth = 16 * kMebibyte;

/// A size in /proc/self/status, in bytes.
inline size_t status_bytes(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1)) * 1024;
  }
  return 0;
}

/// Fails the test if the process ever held more than the allowed growth above what it held at the start.
class MemoryBound {
 public:
  MemoryBound() {
    std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM starts again from here
    before_ = status_bytes("VmRSS");
  }
  ~MemoryBound() {
    const size_t peak = status_bytes("VmHWM");
    const size_t growth = peak > before_ ? peak - before_ : 0;
    ::testing::Test::RecordProperty("growth_bytes", std::to_string(growth));
    std::printf("peak memory above start: %.1f MB\n", static_cast<double>(growth) / kMebibyte);
#ifndef SONDE_SHADOW_MEMORY  // ThreadSanitizer's shadow is several times the memory itself
    EXPECT_LE(growth, kAllowedGrowth);
#endif
  }

 private:
  size_t before_ = 0;
};

}  // namespace sonde::http
