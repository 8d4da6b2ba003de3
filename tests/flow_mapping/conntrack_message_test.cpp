#include "exporter/flows/mapping/conntrack_message.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/flow_mapping/endpoints.h"

namespace sonde::exporter {
namespace {

// The recordings are what Linux 6.18 answered for a router between 10.1.0.2 (fd01::2) and 192.0.2.9
// (fd02::9) that masquerades towards the latter as 192.0.2.1 (fd02::1), and gives UDP to 10.96.0.10:53 to
// 192.0.2.9:5353. Through it went: UDP to 10.96.0.10:53 and 192.0.2.9:7 from port 40001, UDP to [fd02::9]:7
// from port 40002, an ICMP echo; and an echo of the router itself.
std::vector<std::byte> recording(const char* name) {
  std::ifstream file(std::string(SONDE_SOURCE_DIR "/tests/fuzz/corpus/conntrack_reply/") + name,
                     std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

bool holds(const ConntrackReply& reply, const Tuple& original, const Tuple& answer) {
  return std::any_of(reply.connections.begin(), reply.connections.end(), [&](const auto& connection) {
    return connection.original == original && connection.reply == answer;
  });
}

TEST(ConntrackMessage, ReadsWhatTheKernelSaidOfMasqueradeAndDestinationNat) {
  const auto reply = parse_conntrack_reply(recording("all"));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->ended);
  EXPECT_EQ(reply->malformed, 0U);
  EXPECT_TRUE(holds(*reply, {end("10.1.0.2", 40001), end("192.0.2.9", 7), IPPROTO_UDP},
                    {end("192.0.2.9", 7), end("192.0.2.1", 40001), IPPROTO_UDP}));
  EXPECT_TRUE(holds(*reply, {end("10.1.0.2", 40001), end("10.96.0.10", 53), IPPROTO_UDP},
                    {end("192.0.2.9", 5353), end("192.0.2.1", 40001), IPPROTO_UDP}));
  EXPECT_TRUE(holds(*reply, {end("10.1.0.2", 0), end("192.0.2.9", 0), IPPROTO_ICMP},
                    {end("192.0.2.9", 0), end("192.0.2.1", 0), IPPROTO_ICMP}));
  EXPECT_TRUE(holds(*reply, {end("fd01::2", 40002), end("fd02::9", 7), IPPROTO_UDP},
                    {end("fd02::9", 7), end("fd02::1", 40002), IPPROTO_UDP}));
  EXPECT_EQ(reply->untranslated, 1U);
}

TEST(ConntrackMessage, AMessageCutAnywhereIsCountedAndCostsOnlyWhatIsCut) {
  const auto whole = recording("all");
  const size_t entries = parse_conntrack_reply(whole)->connections.size();
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto reply = parse_conntrack_reply(std::span(whole).first(length));
    ASSERT_TRUE(reply) << length;
    EXPECT_LE(reply->connections.size(), entries);
    EXPECT_FALSE(reply->ended) << length;
  }
}

TEST(ConntrackMessage, AnEntryWithoutReplyIsMalformedNotTranslated) {
  auto bytes = recording("to_service");
  const auto before = parse_conntrack_reply(bytes);
  ASSERT_TRUE(before);
  // The type of the attribute after the original tuple (CTA_TUPLE_REPLY, nested) becomes one never seen.
  constexpr size_t kHeaders = sizeof(nlmsghdr) + 4;
  uint16_t length = 0;
  std::memcpy(&length, bytes.data() + kHeaders, sizeof length);
  bytes[kHeaders + length + 2] = std::byte{63};
  const auto reply = parse_conntrack_reply(bytes);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->malformed, 1U);
  EXPECT_EQ(reply->connections.size() + reply->untranslated,
            before->connections.size() + before->untranslated - 1);
}

std::vector<std::byte> refusal(int code) {
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } message{};
  message.header = {.nlmsg_len = sizeof message,
                    .nlmsg_type = NLMSG_ERROR,
                    .nlmsg_flags = 0,
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0};
  message.error.error = code;
  std::vector<std::byte> bytes(sizeof message);
  std::memcpy(bytes.data(), &message, sizeof message);
  return bytes;
}

TEST(ConntrackMessage, TheKernelsRefusalNamesTheRemedy) {
  const auto not_permitted = parse_conntrack_reply(refusal(-EPERM));
  ASSERT_FALSE(not_permitted);
  EXPECT_EQ(not_permitted.error().code, ErrorCode::kPermission);
  EXPECT_NE(not_permitted.error().message.find("CAP_NET_ADMIN"), std::string::npos);
  const auto absent = parse_conntrack_reply(refusal(-EINVAL));
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(absent.error().message.find("nf_conntrack_netlink"), std::string::npos);
}

}  // namespace
}  // namespace sonde::exporter
