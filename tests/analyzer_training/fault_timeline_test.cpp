#include "analyzer/training/fault_timeline.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace sonde::analyzer {
namespace {

constexpr int64_t kScrape = 1000;
constexpr int64_t kStart = 100'000;
constexpr int64_t kSettle = 3000;

/// One sample a step from kStart on, of a series that is fed by hand.
class Timeline : public ::testing::Test {
 protected:
  static LabelSet fault(const std::string& metric, const std::string& service, const std::string& name,
                        const std::string& pod = "p") {
    return LabelSet(
        {{"__name__", metric}, {"namespace", "n"}, {"pod", pod}, {"service", service}, {"fault", name}});
  }
  /// 0 or 1 for each step.
  void feed(const LabelSet& labels, const std::string& states) {
    std::vector<Sample> samples;
    for (size_t i = 0; i < states.size(); ++i) {
      const auto time_ms = kStart + static_cast<int64_t>(i) * kScrape;
      if (states[i] == '0' || states[i] == '1') samples.push_back({time_ms, states[i] == '1' ? 1.0 : 0.0});
      if (states[i] == 's') samples.push_back({time_ms, std::bit_cast<double>(kStaleNanBits)});
    }
    EXPECT_TRUE(timeline_.ingest(labels, samples));
  }
  /// Both series of a fault.
  void feed_fault(const std::string& service, const std::string& name, const std::string& in_place,
                  const std::string& active, const std::string& pod = "p") {
    feed(fault("sonde_fault_in_place", service, name, pod), in_place);
    feed(fault("sonde_fault_active", service, name, pod), active);
  }
  /// A letter a step: of the label, or of why it is left out.
  std::string letters(size_t steps) {
    std::string text;
    for (size_t i = 0; i < steps; ++i) text += letter(at(i));
    return text;
  }
  Moment at(size_t step, std::string_view name_space = "") {
    const int64_t time_ms = kStart + static_cast<int64_t>(step) * kScrape + kScrape / 2;
    return timeline_.at(time_ms - 2 * kScrape, time_ms, kSettle, name_space);
  }
  /// A gauge that says the time of a step, from one step on.
  void feed_time(const std::string& metric, size_t from_step, size_t said_step) {
    const Sample sample{kStart + static_cast<int64_t>(from_step) * kScrape,
                        static_cast<double>(kStart + static_cast<int64_t>(said_step) * kScrape) / 1000};
    EXPECT_TRUE(timeline_.ingest(fault(metric, "cart", "cpu"), {&sample, 1}));
  }
  static char letter(const Moment& moment) {
    switch (moment.left_out) {
      case LeftOut::kNone:
        return moment.label == "normal" ? 'n' : moment.label == "heavy workload" ? 'h' : 'F';
      case LeftOut::kStraddles:
        return '|';
      case LeftOut::kUnknown:
        return '?';
      case LeftOut::kSeveral:
        return '2';
      case LeftOut::kElsewhere:
        return 'e';
      case LeftOut::kWeak:
        return 'w';
      case LeftOut::kUnproven:
        return 'u';
      case LeftOut::kSettling:
        return 's';
      case LeftOut::kMissingFeature:
        return 'm';
    }
    return ' ';
  }

  FaultTimeline timeline_{kScrape};
};

TEST_F(Timeline, WithoutAnInjectorEverythingIsNormal) {
  EXPECT_EQ(letters(5), "nnnnn");
}

TEST_F(Timeline, AFaultIsTheLabelWhileItsEffectIsProven) {
  feed_fault("cart", "cpu", "000001111111110000000000", "000001111111110000000000");
  // The state may have changed anywhere between two samples, and a row's rates reach back two steps.
  EXPECT_EQ(letters(24), "nnnn|||FFFFFF|||sssnnnnn");
  EXPECT_EQ(at(9).label, "cart/cpu");
}

TEST_F(Timeline, InPlaceWithoutProofIsNoExample) {
  feed_fault("cart", "cpu", "000001111111111110000000", "000000000011111110000000");
  EXPECT_EQ(letters(24), "nnnn|||uu|||FFFF|||sssnn");
  timeline_ = FaultTimeline(kScrape);
  feed(fault("sonde_fault_in_place", "cart", "cpu"), "0001111111");
  EXPECT_EQ(letters(10), "nn|||uuuuu");
}

TEST_F(Timeline, TwoFaultsAtOnceAreNone) {
  feed_fault("cart", "cpu", "1111111111111111", "1111111111111111");
  feed_fault("pay", "loss", "0000001111111111", "0000001111111111");
  EXPECT_EQ(letters(16).substr(2), "FFF|||22222222");
}

TEST_F(Timeline, TheSameFaultInTwoReplicasIsOne) {
  feed_fault("cart", "cpu", "1111111111", "1111111111", "a");
  feed_fault("cart", "cpu", "1111111111", "1111111111", "b");
  EXPECT_EQ(letters(10).substr(2), "FFFFFFFF");
}

TEST_F(Timeline, HeavyLoadIsALabelWhereNoFaultIs) {
  feed(LabelSet({{"__name__", "sonde_workload_heavy"}, {"job", "injector"}}), "000001111111111111110000");
  feed_fault("cart", "cpu", "000000000011111000000000", "000000000011111000000000");
  EXPECT_EQ(letters(24), "nnnn|||hh|||FF|||ss|||nn");
}

TEST_F(Timeline, TheNextFaultIsNoExampleWhileTheOneBeforeIsFelt) {
  feed_fault("cart", "cpu", "11111110000000000000", "11111110000000000000");
  feed_fault("pay", "cpu", "00000001111111111111", "00000001111111111111");
  EXPECT_EQ(letters(20).substr(2), "FFFF|||sssFFFFFFFF");
  EXPECT_EQ(at(15).label, "pay/cpu");
}

TEST_F(Timeline, AfterAPauseAsLongAsAFaultIsFeltTheNextLosesNothing) {
  feed_fault("cart", "cpu", "111111100000000000000", "111111100000000000000");
  feed_fault("pay", "cpu", "000000000011111111111", "000000000011111111111");
  EXPECT_EQ(letters(21).substr(9), "|||FFFFFFFFF");
}

TEST_F(Timeline, TheSameFaultThatEndsInAnotherReplicaIsNotFeltAsAnother) {
  feed_fault("cart", "cpu", "1111111000000000", "1111111000000000", "a");
  feed_fault("cart", "cpu", "1111111111111111", "1111111111111111", "b");
  EXPECT_EQ(letters(16).substr(2), "FFFF|||FFFFFFF");
}

TEST_F(Timeline, AHeavyLoadThatIsNotAnsweredIsNoExample) {
  feed(LabelSet({{"__name__", "sonde_workload_heavy_asked"}, {"job", "injector"}}), "0000011111111111000000");
  feed(LabelSet({{"__name__", "sonde_workload_heavy"}, {"job", "injector"}}), "0000000000111111000000");
  EXPECT_EQ(letters(22), "nnnn|||uu|||hhh|||nnnn");
}

TEST_F(Timeline, AnInjectorThatEndedSaysSoBeforeItIsGone) {
  feed_fault("cart", "cpu", "00001111110s", "00001111110s");
  EXPECT_EQ(letters(18), "nnn|||FFF|||sssnnn");
}

// A scrape that failed and an injector that was killed look alike: Prometheus ends the series.
TEST_F(Timeline, ASeriesThatEndedWhileOnSaysNothing) {
  feed_fault("cart", "cpu", "0000111111s", "0000111111s");
  EXPECT_EQ(letters(18), "nnn|||FFF?????????");
}

TEST_F(Timeline, AnInjectorThatIsScrapedAgainWithoutTheFaultHasUndoneIt) {
  feed_fault("cart", "cpu", "0000111111s", "0000111111s");
  feed_fault("pay", "loss", "              00000000", "              00000000");
  EXPECT_EQ(letters(22), "nnn|||FFF???????sssnnn");
}

TEST_F(Timeline, AFewFailedScrapesAreNoEdge) {
  feed_fault("cart", "cpu", "0000111s  1111110000", "0000111s  1111110000");
  EXPECT_EQ(letters(20).substr(0, 15), "nnn|||FFFFFFFFF");
  EXPECT_EQ(at(6).stretch, at(13).stretch);
}

TEST_F(Timeline, AnOutageThatHidesTheEndIsNotNormal) {
  feed_fault("cart", "cpu", "0000111s          0000000000", "0000111s          0000000000");
  EXPECT_EQ(letters(28), "nnn|||??????????????sssnnnnn");
}

TEST_F(Timeline, AnInjectionWithinAnOutageIsKnownByWhatTheInjectorSaysAfterwards) {
  feed_fault("cart", "cpu", "0000s               00000000", "0000s               00000000");
  feed_time("sonde_fault_start_timestamp_seconds", 20, 8);
  feed_time("sonde_fault_end_timestamp_seconds", 20, 14);
  EXPECT_EQ(letters(22), "nnnnnnnn????????nnnnnn");
}

TEST_F(Timeline, ALongTimeBetweenTwoInjectorsIsNormal) {
  feed_fault("cart", "cpu", "1110s               111111", "1110s               111111");
  EXPECT_EQ(letters(26).substr(8), "nnnnnnnnnnn|||FFFF");
}

TEST_F(Timeline, AShapeBelowHalfOfItsLevelIsNoExample) {
  feed_fault("cart", "cpu", "111111111111111111", "111111111111111111");
  feed(fault("sonde_fault_level_ratio", "cart", "cpu"), "111111000000111111");
  EXPECT_EQ(letters(18).substr(2), "FFF|||www|||FFFF");
}

TEST_F(Timeline, AFaultOfAnotherNamespaceIsNoLabel) {
  feed_fault("cart", "cpu", "11111111", "11111111");
  EXPECT_EQ(letter(at(6)), 'F');
  EXPECT_EQ(letter(at(6, "n")), 'F');
  EXPECT_EQ(letter(at(6, "shop")), 'e');
}

TEST_F(Timeline, WithoutSamplesNobodyKnows) {
  feed_fault("cart", "cpu", "1111      11111", "1111      11111");
  EXPECT_EQ(letters(15).substr(2), "F?????????FFF");
  timeline_ = FaultTimeline(kScrape);
  feed_fault("cart", "cpu", "1111", "1111");
  EXPECT_EQ(letters(10).substr(2), "FFFFF???");
}

TEST_F(Timeline, AFirstSampleThatIsOnBeganAfterTheScrapeBefore) {
  feed_fault("cart", "cpu", "     111111", "     111111");
  EXPECT_EQ(letters(11), "nnnn|||FFFF");
}

TEST_F(Timeline, StretchesDifferBetweenInjectionsAndNotWithinOne) {
  feed_fault("cart", "cpu", "0000011111111110000000001111111111", "0000011111111110000000001111111111");
  feed(LabelSet({{"__name__", "sonde_workload_heavy"}, {"job", "injector"}}),
       "0000000000011111111111111111111111");
  EXPECT_NE(at(1).stretch, at(8).stretch);
  EXPECT_EQ(at(8).stretch, at(13).stretch);  // the load changed meanwhile
  EXPECT_NE(at(8).stretch, at(20).stretch);
  EXPECT_NE(at(8).stretch, at(30).stretch);
  EXPECT_NE(at(20).stretch, at(30).stretch);
}

TEST_F(Timeline, APhaseOfHeavyLoadIsOneStretchThoughItIsNotAnsweredForAWhile) {
  // An injector that did not say yet what is asked for, and one that does.
  feed(LabelSet({{"__name__", "sonde_workload_heavy"}, {"job", "injector"}}),
       "000111111100000000000000111111011111110000001111111");
  feed(LabelSet({{"__name__", "sonde_workload_heavy_asked"}, {"job", "injector"}}),
       "               000000000111111111111110000001111111");
  EXPECT_EQ(letters(51), "nn|||hhhh|||nnnnnnnnnnn|||hhh||||hhhh|||nnn|||hhhhh");
  EXPECT_EQ(at(13).stretch, at(20).stretch);
  EXPECT_EQ(at(27).stretch, at(35).stretch);
  std::set<std::string> stretches;
  for (const size_t step : {0U, 7U, 16U, 27U, 42U, 48U}) stretches.insert(at(step).stretch);
  EXPECT_EQ(stretches.size(), 6U);
}

TEST_F(Timeline, ReadsLabelsThatAScrapeRenamed) {
  const LabelSet renamed({{"__name__", "sonde_fault_active"},
                          {"service", "the-injector"},
                          {"exported_service", "cart"},
                          {"exported_pod", "p"},
                          {"fault", "loss"}});
  feed(renamed, "11111");
  EXPECT_EQ(at(4).label, "cart/loss");
  EXPECT_FALSE(timeline_.ingest(LabelSet({{"__name__", "up"}, {"job", "injector"}}), {}));
}

}  // namespace
}  // namespace sonde::analyzer
