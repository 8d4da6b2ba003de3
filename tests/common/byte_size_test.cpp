#include "common/byte_size.h"

#include <gtest/gtest.h>

namespace sonde {
namespace {

TEST(ByteSize, IsReadWithItsUnit) {
  EXPECT_EQ(parse_bytes("0"), 0U);
  EXPECT_EQ(parse_bytes("4096"), 4096U);
  EXPECT_EQ(parse_bytes("64KiB"), 65536U);
  EXPECT_EQ(parse_bytes("5MiB"), 5U << 20U);
  EXPECT_EQ(parse_bytes("1GiB"), 1U << 30U);
  EXPECT_EQ(parse_bytes("16777215TiB"), 16777215ULL << 40U);
}

TEST(ByteSize, IsNothingWhereItIsNone) {
  for (const char* text :
       {"", "MiB", "5MB", "5 MiB", "-1", "+1", "1.5MiB", "16777216TiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(ByteSize, IsWrittenForPeople) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(5.0 * 1048576), "5.0 MiB");
}

}  // namespace
}  // namespace sonde
