#include "exporter/flows/mapping/translation_table.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <vector>

#include "tests/flow_mapping/endpoints.h"

namespace sonde::exporter {
namespace {

const Endpoint kPod = end("10.1.0.2", 40001);
const Endpoint kOtherPod = end("10.1.0.3", 40001);
const Endpoint kService = end("10.96.0.10", 80);
const Endpoint kBackend = end("10.2.0.7", 8080);
const Endpoint kOutside = end("198.51.100.9", 443);

TranslatedConnection connection(const Endpoint& from, const Endpoint& to, const Endpoint& answers_from,
                                const Endpoint& answers_to) {
  return {{from, to, IPPROTO_TCP}, {answers_from, answers_to, IPPROTO_TCP}, 0};
}

TEST(TranslationTable, AServicesAddressNamesThePodBehindIt) {
  const TranslationTable table(std::vector{connection(kPod, kService, kBackend, kPod)});
  const auto beyond = table.beyond({kPod, kService, IPPROTO_TCP});
  ASSERT_TRUE(beyond);
  EXPECT_EQ(*beyond, (FlowView{kPod, kBackend, IPPROTO_TCP}));
  EXPECT_EQ(table.at_container(*beyond), (FlowView{kPod, kService, IPPROTO_TCP}));
}

TEST(TranslationTable, TwoPodsBehindOneNodeAddressAreToldApartByThePort) {
  const Endpoint node = end("192.0.2.1", 40001);
  const Endpoint node_second = end("192.0.2.1", 1024);
  const TranslationTable table(std::vector{connection(kPod, kOutside, kOutside, node),
                                           connection(kOtherPod, kOutside, kOutside, node_second)});
  EXPECT_EQ(table.at_container({node, kOutside, IPPROTO_TCP}), (FlowView{kPod, kOutside, IPPROTO_TCP}));
  EXPECT_EQ(table.at_container({node_second, kOutside, IPPROTO_TCP}),
            (FlowView{kOtherPod, kOutside, IPPROTO_TCP}));
}

TEST(TranslationTable, TwoPodsBehindOneNodeAddressAndPortAreToldApartByTheRemote) {
  const Endpoint node = end("192.0.2.1", 40001);
  const Endpoint elsewhere = end("198.51.100.10", 443);
  const TranslationTable table(std::vector{connection(kPod, kOutside, kOutside, node),
                                           connection(kOtherPod, elsewhere, elsewhere, node)});
  EXPECT_EQ(table.at_container({node, kOutside, IPPROTO_TCP})->local, kPod);
  EXPECT_EQ(table.at_container({node, elsewhere, IPPROTO_TCP})->local, kOtherPod);
}

TEST(TranslationTable, WhoAnswersBehindANodePortIsFoundToo) {
  const Endpoint node_port = end("192.0.2.1", 30080);
  const TranslationTable table(std::vector{connection(kOutside, node_port, kPod, kOutside)});
  EXPECT_EQ(table.beyond({kPod, kOutside, IPPROTO_TCP}), (FlowView{node_port, kOutside, IPPROTO_TCP}));
  EXPECT_EQ(table.at_container({node_port, kOutside, IPPROTO_TCP}), (FlowView{kPod, kOutside, IPPROTO_TCP}));
}

TEST(TranslationTable, ConnectionsThatLookAlikeAreNotGuessed) {
  // The same addresses in two zones, each with a backend of its own.
  const TranslationTable table(
      std::vector{connection(kPod, kService, kBackend, kPod),
                  connection(kPod, kService, end("10.2.0.8", 8080), end("10.1.0.2", 40001))});
  EXPECT_FALSE(table.beyond({kPod, kService, IPPROTO_TCP}));
}

TEST(TranslationTable, OtherProtocolsAndUnknownFlowsHaveNone) {
  const TranslationTable table(std::vector{connection(kPod, kService, kBackend, kPod)});
  EXPECT_FALSE(table.beyond({kPod, kService, IPPROTO_UDP}));
  EXPECT_FALSE(table.beyond({kPod, kOutside, IPPROTO_TCP}));
}

}  // namespace
}  // namespace sonde::exporter
