#include "demo/api/item_page.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sonde::demo {
namespace {

TEST(ItemPage, ChecksumOfOneRoundIsFnv1a) {
  // The published 64-bit FNV-1a test vector of "foobar" (draft-eastlake-fnv, appendix C).
  const auto page = nlohmann::json::parse(item_page(7, "foobar", true, 1));
  EXPECT_EQ(page["checksum"].get<uint64_t>(), 0x85944171f73967e8U);
  EXPECT_EQ(page["id"], 7);
  EXPECT_EQ(page["cached"], true);
}

TEST(ItemPage, MoreRoundsChangeTheChecksum) {
  EXPECT_NE(item_page(1, "text", false, 1), item_page(1, "text", false, 2));
}

TEST(ItemPage, BytesThatAreNotUtf8AreReplaced) {
  const auto page = nlohmann::json::parse(item_page(1, "a\xff", false, 1));
  EXPECT_EQ(page["description"], "a\uFFFD");
}

}  // namespace
}  // namespace sonde::demo
