#include "exporter/flows/flow_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <random>
#include <set>

namespace sonde::exporter {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr auto kInterval = std::chrono::seconds(15);

/// Pods with an interface each, whose index is the namespace's number; peers are addresses 192.0.N.1, each a
/// named network "nN".
class FlowRowsTest : public testing::Test {
 protected:
  explicit FlowRowsTest(size_t max_rows = 3, bool host_row = true)
      : rows_(
            {.max_rows = max_rows, .retention = {.linger = std::chrono::seconds(60)}, .host_row = host_row}),
        peers_(networks()),
        max_rows_(max_rows) {}

  static NamedNetworks networks() {
    NamedNetworks networks;
    for (int i = 0; i < 100; ++i) {
      const std::string number = std::to_string(i);
      EXPECT_TRUE(networks.add("n" + number + "=192.0." + number + ".0/24"));
    }
    return networks;
  }
  static flow_address peer(int number) { return *parse_address("192.0." + std::to_string(number) + ".1"); }

  /// Pods of now, by name and network namespace.
  void look(const std::map<std::string, uint32_t>& pods) {
    now_ += kInterval;
    std::vector<Container> containers;
    std::vector<FlowInterface> interfaces;
    for (const auto& [pod, number] : pods) {
      Container one;
      one.name = {"shop", pod, "server", "api"};
      one.pod_labels = metrics::Labels{{"pod", pod}};
      one.network_namespace = number;
      one.life = number;
      containers.push_back(one);
      interfaces.push_back({.space = 0, .index = number, .network_namespace = number});
    }
    pods_.update({containers, {}, {}}, interfaces, now_);
  }
  void count(uint32_t interface, int to, uint64_t bytes) {
    pair_traffic traffic{};
    traffic.sent.bytes = bytes;
    traffic.received.retransmitted = 1;
    pair_samples samples{};
    samples.rtt.buckets[3] = 2;
    rows_.add({.remote = to < 0 ? flow_address{} : peer(to), .interface = interface, .space = 0}, traffic,
              samples, pods_, peers_, now_);
    fed_ += bytes;
  }
  std::map<std::string, uint64_t> settle() {
    rows_.settle(pods_, now_);
    std::map<std::string, uint64_t> values;
    for (const FlowRows::Row* row : rows_.rows()) {
      EXPECT_EQ(row->totals.size(), kPairCounters);
      EXPECT_TRUE(values.emplace(row->labels.text(), row->totals[0]).second) << "twice";
    }
    return values;
  }

  FlowRows rows_;
  FlowPods pods_;
  PeerTable peers_;
  size_t max_rows_;
  uint64_t fed_ = 0;
  SteadyTime now_{std::chrono::hours(1)};
};

const std::string kA = R"(pod="a",remote_namespace="",remote_pod="",remote_service=)";
const std::string kHost =
    R"(namespace="",pod="",container="",service="",remote_namespace="",remote_pod="",remote_service=)";

TEST_F(FlowRowsTest, ARowBeginsAtZeroAndGrows) {
  look({{"a", 11}});
  count(11, 1, 100);
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 0)));
  look({{"a", 11}});
  count(11, 1, 20);
  count(11, 1, 3);
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 123)));
}

TEST_F(FlowRowsTest, AllCountersOfAPairAreAdded) {
  look({{"a", 11}});
  count(11, 1, 100);
  (void)settle();
  look({{"a", 11}});
  count(11, 1, 100);
  (void)settle();
  PairCounters counters{};
  std::ranges::copy(rows_.rows()[0]->totals, counters.begin());
  const auto sum = std::bit_cast<PairCounts>(counters);
  EXPECT_EQ(sum.traffic.sent.bytes, 200U);
  EXPECT_EQ(sum.traffic.received.retransmitted, 2U);
  EXPECT_EQ(sum.samples.rtt.buckets[3], 4U);
}

TEST_F(FlowRowsTest, BeyondTheBudgetAPodsPeersAreTakenTogether) {
  look({{"a", 11}});
  for (int round = 0; round < 2; ++round) {
    for (int to = 1; to <= 5; ++to) count(11, to, static_cast<uint64_t>(to) * 100);
    (void)settle();
    look({{"a", 11}});
  }
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n3\"", 600), Pair(kA + "\"n4\"", 800),
                                    Pair(kA + "\"n5\"", 1000), Pair(kA + "\"~other\"", 600)));
  EXPECT_EQ(rows_.unlisted(), 2U);
}

TEST_F(FlowRowsTest, WhatTheKernelHadNoRoomForIsOfTheOthers) {
  look({{"a", 11}});
  count(11, -1, 7);
  (void)settle();
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"~other\"", 7)));
}

TEST_F(FlowRowsTest, WhatAnInterfaceCountsBeforeItsPodIsKnownIsThePods) {
  look({});
  count(11, 1, 100);
  EXPECT_THAT(settle(), ElementsAre());
  look({{"a", 11}});
  (void)settle();
  look({{"a", 11}});
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 100)));
}

TEST_F(FlowRowsTest, WhatNoPodEverOwnsIsTheHosts) {
  look({});
  count(99, 1, 100);
  for (int i = 0; i < 6; ++i) {
    look({});
    (void)settle();
  }
  EXPECT_THAT(settle(), ElementsAre(Pair(kHost + "\"n1\"", 100)));
}

TEST_F(FlowRowsTest, APodThatEndedStillGetsItsLastCountsAndLingers) {
  look({{"a", 11}});
  count(11, 1, 100);
  (void)settle();
  look({});
  count(11, 1, 20);
  count(11, 2, 5);
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 120), Pair(kA + "\"n2\"", 0)));
  look({});
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 120), Pair(kA + "\"n2\"", 5)));
  for (int i = 0; i < 5; ++i) {
    look({});
    (void)settle();
  }
  EXPECT_THAT(settle(), ElementsAre());
}

TEST_F(FlowRowsTest, ASuccessorGoesOnWithItsPredecessorsRows) {
  look({{"a", 11}});
  count(11, 1, 100);
  (void)settle();
  look({{"a", 12}});
  count(12, 1, 7);
  EXPECT_THAT(settle(), ElementsAre(Pair(kA + "\"n1\"", 107)));
}

class WithoutHostRow : public FlowRowsTest {
 protected:
  WithoutHostRow() : FlowRowsTest(3, false) {}
};

TEST_F(WithoutHostRow, WhatBelongsToNoPodIsLeftOut) {
  now_ += kInterval;
  pods_.update({}, std::vector<FlowInterface>{{.space = 0, .index = 2, .network_namespace = 0}}, now_);
  count(2, 1, 100);
  (void)settle();
  EXPECT_THAT(settle(), ElementsAre());
}

/// What Prometheus makes of a page after the other: increase() of each series, with resets.
class Increases {
 public:
  void scrape(const std::map<std::string, uint64_t>& page) {
    for (const auto& [series, value] : page) {
      const auto [found, is_new] = last_.emplace(series, value);
      if (is_new) {
        EXPECT_EQ(value, 0U) << series << " appears with counts that nobody has seen grow";
        continue;
      }
      if (value >= found->second) {
        sum_ += value - found->second;
      } else {
        EXPECT_EQ(value, 0U) << series << " fell";
        EXPECT_FALSE(present_.contains(series)) << series << " fell while it was exported";
      }
      found->second = value;
    }
    present_.clear();
    for (const auto& [series, value] : page) present_.insert(series);
  }
  uint64_t sum() const { return sum_; }

 private:
  std::map<std::string, uint64_t> last_;
  std::set<std::string> present_;
  uint64_t sum_ = 0;
};

/// Pods and peers come and go at every scrape; whatever is counted is in the rows, exactly once.
class FlowRowsProperty : public FlowRowsTest, public testing::WithParamInterface<int> {
 protected:
  FlowRowsProperty() : FlowRowsTest(1 + static_cast<size_t>(GetParam()) % 12) {}
};

TEST_P(FlowRowsProperty, SumsAndIncreasesAreExactWhileMembershipChanges) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto below = [&](unsigned bound) { return random() % bound; };
  std::map<std::string, uint32_t> pods;
  std::vector<uint32_t> recent;  // interfaces, also of pods that have ended
  uint32_t next_namespace = 10;
  Increases increases;
  size_t most_rows = 0;
  for (int scrape = 0; scrape < 400; ++scrape) {
    const std::string name = "p" + std::to_string(below(8));
    if (pods.contains(name) && below(3) == 0) {
      pods.erase(name);
    } else {
      pods[name] = ++next_namespace;  // a new pod, or one in place of another
    }
    recent.push_back(next_namespace);
    if (recent.size() > 12) recent.erase(recent.begin());
    const bool known_late = below(4) == 0;
    const auto feed = [&] {
      for (unsigned i = 0; i < 20; ++i) {
        const uint32_t interface = recent[below(static_cast<unsigned>(recent.size()))];
        count(interface, static_cast<int>(below(30)) - 1, uint64_t{1} << below(30));
      }
    };
    if (known_late) feed();
    look(pods);
    if (!known_late) feed();
    const auto page = settle();
    increases.scrape(page);
    most_rows = std::max(most_rows, page.size());
    std::set<std::string> of_pods;
    for (const auto& [series, value] : page) of_pods.insert(series.substr(0, series.find(",remote")));
    ASSERT_LE(page.size(), max_rows_ + of_pods.size()) << "at scrape " << scrape;
  }
  for (int quiet = 0; quiet < 8; ++quiet) {
    look(pods);
    increases.scrape(settle());
  }
  EXPECT_EQ(increases.sum(), fed_);
  EXPECT_GT(most_rows, max_rows_) << "the budget was reached";
}

INSTANTIATE_TEST_SUITE_P(Seeds, FlowRowsProperty, testing::Range(1, 9));

}  // namespace
}  // namespace sonde::exporter
