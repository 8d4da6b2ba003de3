#include "analyzer/source/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string_view>
#include <vector>

namespace sonde::analyzer {
namespace {

/// RFC 3720, appendix B.4 (its bytes are in the order of the wire), and the check value of the CRC catalogue.
struct KnownAnswer {
  std::vector<uint8_t> bytes;
  uint32_t crc;
};

std::vector<KnownAnswer> known_answers() {
  std::vector<uint8_t> ascending(32);
  std::iota(ascending.begin(), ascending.end(), 0);
  const std::vector<uint8_t> descending(ascending.rbegin(), ascending.rend());
  constexpr std::string_view kDigits = "123456789";
  return {{std::vector<uint8_t>(32, 0x00), 0x8A9136AA},
          {std::vector<uint8_t>(32, 0xFF), 0x62A8AB43},
          {ascending, 0x46DD794E},
          {descending, 0x113FDB5C},
          {{kDigits.begin(), kDigits.end()}, 0xE3069283},
          {{}, 0}};
}

TEST(Crc32c, GivesTheKnownAnswers) {
  for (const KnownAnswer& known : known_answers()) {
    EXPECT_EQ(crc32c(known.bytes), known.crc);
    EXPECT_EQ(crc32c_portable(known.bytes), known.crc);
  }
}

TEST(Crc32c, TheInstructionAndTheTableAgreeOnAnyLength) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> bytes;
  for (int length = 0; length < 300; ++length) {
    EXPECT_EQ(crc32c(bytes), crc32c_portable(bytes)) << length;
    bytes.push_back(static_cast<uint8_t>(random()));
  }
}

}  // namespace
}  // namespace sonde::analyzer
