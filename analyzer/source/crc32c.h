#pragma once

#include <cstdint>
#include <span>

namespace sonde::analyzer {

/// CRC-32C (Castagnoli) of the bytes, by the processor's instruction where it has one.
/// Source: RFC 3720 section 12.1; Go's hash/crc32 with crc32.Castagnoli gives the same.
uint32_t crc32c(std::span<const uint8_t> bytes);

/// The same by table on any processor; the fallback, and what a test holds against the fast one.
uint32_t crc32c_portable(std::span<const uint8_t> bytes);

}  // namespace sonde::analyzer
