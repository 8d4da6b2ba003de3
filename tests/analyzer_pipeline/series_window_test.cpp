#include "analyzer/pipeline/series_window.h"

#include <gtest/gtest.h>

#include <bit>

#include "analyzer/config/config.h"

namespace sonde::analyzer {
namespace {

constexpr int64_t kStep = 2000;
constexpr int64_t kStart = 1'000'700;

/// A window over three quantities, fed by hand.
class SeriesWindowTest : public testing::Test {
 protected:
  SeriesWindowTest()
      : mapper_(*MetricMapper::compile(parse_config(R"(
metric_map:
  presets: []
  cpu: {select: 'cpu_total', kind: counter, factor: 10}
  memory: {select: 'memory_bytes', kind: gauge, score: change}
  traffic: {select: 'traffic_total', kind: counter}
  largest: {select: 'largest', kind: gauge, aggregate: max}
)",
                                                    "test")
                                           ->metric_map)) {}

  static LabelSet labels(const std::string& name, const std::string& container, const std::string& mode = "",
                         const std::string& pod = "p") {
    return LabelSet({{"__name__", name},
                     {"namespace", "n"},
                     {"pod", pod},
                     {"container", container},
                     {"service", "s"},
                     {"mode", mode}});
  }
  static int64_t at(int64_t column) { return kStart + column * kStep; }
  void feed(const LabelSet& series, std::vector<Sample> samples) { window_.ingest(series, samples); }
  /// Judges all columns that are complete; returns how many.
  size_t advance(int64_t now_ms) {
    size_t count = 0;
    while (const std::optional<int64_t> column = window_.complete_column(now_ms)) {
      window_.advance(*column);
      ++count;
    }
    return count;
  }
  /// The last value of a container's quantity.
  [[nodiscard]] double last(const std::string& quantity, const std::string& container) const {
    const WindowFrames& frames = window_.frames();
    for (size_t row = 0; row < frames.entities.size(); ++row) {
      if (frames.entities[row].container == container) return frames.containers.at(quantity).row(row).back();
    }
    ADD_FAILURE() << "no row of " << container;
    return kGap;
  }

  MetricMapper mapper_;
  SeriesWindow window_{mapper_, kStep, 5};
};

TEST_F(SeriesWindowTest, CountersBecomeRatesTimesTheFactor) {
  feed(labels("cpu_total", "a"), {{at(0), 5}, {at(1), 6}, {at(2), 9}});
  EXPECT_EQ(advance(at(2)), 2U);
  EXPECT_DOUBLE_EQ(last("cpu", "a"), 10 * 3.0 / 2);
}

TEST_F(SeriesWindowTest, JitterOfTheScrapeDoesNotChangeARate) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1) + 400, 2.4}, {at(2) - 300, 3.7}});
  advance(at(2));
  EXPECT_NEAR(last("cpu", "a"), 10, 1e-9);
}

TEST_F(SeriesWindowTest, SeriesThatDifferInOtherLabelsAreSummed) {
  feed(labels("cpu_total", "a", "user"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "a", "system"), {{at(0), 0}, {at(1), 4}});
  advance(at(1));
  EXPECT_DOUBLE_EQ(last("cpu", "a"), 30);
}

TEST_F(SeriesWindowTest, MaxTakesTheLargest) {
  feed(labels("largest", "a", "x"), {{at(0), 1}, {at(1), 2}});
  feed(labels("largest", "a", "y"), {{at(0), 9}, {at(1), 7}});
  advance(at(1));
  EXPECT_DOUBLE_EQ(last("largest", "a"), 7);
}

TEST_F(SeriesWindowTest, ASumWithoutALivingPartIsAGapNotADrop) {
  feed(labels("cpu_total", "a", "user"), {{at(0), 0}, {at(1), 2}, {at(2), 4}});
  feed(labels("cpu_total", "a", "new"), {{at(2), 0}});  // its rate is not known yet
  advance(at(2));
  EXPECT_TRUE(is_gap(last("cpu", "a")));
}

TEST_F(SeriesWindowTest, AGaugeCanBeScoredAsItsChangePerSecond) {
  feed(labels("memory_bytes", "a"), {{at(0), 1000}, {at(1), 1000}, {at(2), 5000}});
  advance(at(2));
  EXPECT_DOUBLE_EQ(last("memory", "a"), 2000);
}

TEST_F(SeriesWindowTest, AMissedScrapeRepeatsTheChangeAndTheNextIsDividedByBothSteps) {
  feed(labels("memory_bytes", "a"), {{at(0), 1000}, {at(1), 5000}, {at(3), 13'000}, {at(4), 17'000}});
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 4}, {at(2), 6}, {at(3), 9}, {at(4), 9}});
  std::vector<double> changes;
  while (const std::optional<int64_t> column = window_.complete_column(at(4))) {
    window_.advance(*column);
    changes.push_back(last("memory", "a"));
  }
  EXPECT_EQ(changes, std::vector<double>(4, 2000));  // a leak of 2000 bytes a second all the while
}

// The phase of this series lies just before the border, so that its samples reach furthest back.
TEST_F(SeriesWindowTest, AMissedScrapeRepeatsTheLastRateAndNoOlderOne) {
  feed(labels("traffic_total", "b", "", "q"), {{at(0) - 900, 0}, {at(1) - 900, 0}, {at(2) - 900, 0}});
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}, {at(2), 8}});
  advance(at(2));
  EXPECT_DOUBLE_EQ(last("cpu", "a"), 30);
  feed(labels("traffic_total", "b", "", "q"), {{at(3) - 900, 0}, {at(4) - 900, 0}});
  EXPECT_EQ(advance(at(4) - 900), 1U);
  EXPECT_DOUBLE_EQ(last("cpu", "a"), 30);
}

TEST_F(SeriesWindowTest, AMissedScrapeMakesValuesReachFurtherBack) {
  feed(labels("largest", "a"), {{at(0), 0}, {at(1), 0}, {at(2), 0}, {at(3), 0}, {at(4), 0}, {at(5), 0}});
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 0}, {at(2), 0}, {at(4), 0}, {at(5), 0}});
  std::vector<int64_t> steps;
  while (const std::optional<int64_t> column = window_.complete_column(at(5))) {
    window_.advance(*column);
    steps.push_back((window_.time_ms(*column) - window_.reaches_back_to_ms()) / kStep);
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{1, 1, 2, 2, 1}));
}

// What the running analyzer sees, sample by sample, is what a data set is made of, read at once.
TEST_F(SeriesWindowTest, SamplesOneByOneMakeTheSameColumnsAsAllAtOnce) {
  const auto memory = [](int64_t i) {
    return Sample{at(i) + 37 * (i % 5), 1e6 + 700.0 * static_cast<double>(i * i)};
  };
  const auto cpu = [](int64_t i) { return Sample{at(i) + 37 * (i % 5), 0.3 * static_cast<double>(i * i)}; };
  SeriesWindow at_once(mapper_, kStep, 5);
  std::vector<Sample> memories;
  std::vector<Sample> cpus;
  std::map<int64_t, std::vector<double>> seen;
  const auto take = [](SeriesWindow& window, int64_t now_ms, std::map<int64_t, std::vector<double>>& to) {
    while (const std::optional<int64_t> column = window.complete_column(now_ms)) {
      window.advance(*column);
      std::vector<double>& values = to[*column];
      for (const char* const quantity : {"cpu", "memory"}) {
        for (const double value : window.frames().containers.at(quantity).values) values.push_back(value);
      }
      values.push_back(static_cast<double>(window.reaches_back_to_ms()));
    }
  };
  for (int64_t i = 0; i < 40; ++i) {
    if (i % 7 != 3 && i % 11 != 4) {
      memories.push_back(memory(i));
      feed(labels("memory_bytes", "a"), {memory(i)});
    }
    if (i % 7 != 3) {
      cpus.push_back(cpu(i));
      feed(labels("cpu_total", "a"), {cpu(i)});
    }
    if (i > 1) take(window_, at(i) + kStep / 4, seen);
  }
  at_once.ingest(labels("memory_bytes", "a"), memories);
  at_once.ingest(labels("cpu_total", "a"), cpus);
  std::map<int64_t, std::vector<double>> read;
  take(at_once, at(39) + kStep / 4, read);
  ASSERT_GT(seen.size(), 30U);
  for (const auto& [column, values] : seen) {
    ASSERT_EQ(values.size(), read[column].size()) << column;
    for (size_t i = 0; i + 1 < values.size(); ++i) {
      EXPECT_TRUE(values[i] == read[column][i] || (is_gap(values[i]) && is_gap(read[column][i])))
          << column << ": " << values[i] << " and " << read[column][i];
    }
    EXPECT_EQ(values.back(), read[column].back()) << column;
  }
}

TEST_F(SeriesWindowTest, ThePodsRowJoinsItsOnlyContainer) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  feed(labels("traffic_total", ""), {{at(0), 0}, {at(1), 200}});
  advance(at(1));
  EXPECT_EQ(window_.frames().entities.size(), 1U);
  EXPECT_DOUBLE_EQ(last("traffic", "a"), 100);
}

TEST_F(SeriesWindowTest, ThePodsRowStandsAloneBesideTwoContainers) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "b"), {{at(0), 0}, {at(1), 2}});
  feed(labels("traffic_total", ""), {{at(0), 0}, {at(1), 200}});
  advance(at(1));
  EXPECT_EQ(window_.frames().entities.size(), 3U);
  EXPECT_DOUBLE_EQ(last("traffic", ""), 100);
  EXPECT_TRUE(is_gap(last("traffic", "a")));
}

TEST_F(SeriesWindowTest, AServiceIsTheSumOfItsContainers) {
  feed(labels("cpu_total", "a", "", "p1"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "b", "", "p2"), {{at(0), 0}, {at(1), 6}});
  advance(at(1));
  ASSERT_EQ(window_.frames().service_entities.size(), 1U);
  EXPECT_DOUBLE_EQ(window_.frames().services.at("cpu").row(0).back(), 40);
}

TEST_F(SeriesWindowTest, AVanishedContainersRowGoesWithItsStalenessMarker) {
  const double stale = std::bit_cast<double>(kStaleNanBits);
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}, {at(2), 4}});
  feed(labels("cpu_total", "b", "", "q"), {{at(0), 0}, {at(1), 2}, {at(2), stale}});
  EXPECT_EQ(advance(at(2)), 2U);
  ASSERT_EQ(window_.frames().entities.size(), 1U);
  EXPECT_EQ(window_.frames().entities[0].container, "a");
}

TEST_F(SeriesWindowTest, AColumnWaitsForTheTargetsThatAreLate) {
  // Two targets, 600 ms apart; the second one's newest sample is not there yet.
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "b", "", "q"), {{at(0) + 600, 0}, {at(1) + 600, 2}});
  EXPECT_EQ(advance(at(1) + 650), 1U);
  feed(labels("cpu_total", "a"), {{at(2), 4}});
  EXPECT_EQ(advance(at(2) + 100), 0U);
  EXPECT_EQ(window_.next_due_ms(), at(2) + 600);
  feed(labels("cpu_total", "b", "", "q"), {{at(2) + 600, 4}});
  EXPECT_EQ(advance(at(2) + 650), 1U);
}

TEST_F(SeriesWindowTest, ATargetThatStaysAwayDoesNotHoldTheOthersUp) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "b", "", "q"), {{at(0) + 600, 0}, {at(1) + 600, 2}});
  advance(at(1) + 650);
  feed(labels("cpu_total", "a"), {{at(2), 4}, {at(3), 6}});
  EXPECT_EQ(advance(at(3)), 1U) << "a sample of the next column closes this one";
}

TEST_F(SeriesWindowTest, KnownSamplesThatAreReadAgainChangeNothing) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  advance(at(1));
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}, {at(2), 6}});
  EXPECT_EQ(advance(at(2)), 1U);
  EXPECT_DOUBLE_EQ(last("cpu", "a"), 20);
}

TEST_F(SeriesWindowTest, TheRowSaysWhichSeriesItIs) {
  feed(labels("cpu_total", "a", "user"), {{at(0), 0}, {at(1), 2}});
  feed(labels("cpu_total", "a", "system"), {{at(0), 0}, {at(1), 2}});
  advance(at(1));
  EXPECT_EQ(window_.frames().containers.at("cpu").series[0].text(),
            "cpu_total{container=\"a\",namespace=\"n\",pod=\"p\",service=\"s\"}");
}

// Remote read adds the external labels to every series, and no query of that Prometheus matches them.
TEST_F(SeriesWindowTest, TheRowsSelectorLeavesOutWhatEverySeriesHas) {
  const auto external = [](const LabelSet& labels, const std::string& mode) {
    std::vector<LabelSet::Pair> pairs = labels.pairs();
    pairs.insert(pairs.end(), {{"cluster", "eu"}, {"job", "sonde"}, {"instance", "i:9"}, {"mode", mode}});
    return LabelSet(std::move(pairs));
  };
  feed(external(labels("cpu_total", "a"), "user"), {{at(0), 0}, {at(1), 2}});
  feed(external(labels("cpu_total", "b", "", "q"), "user"), {{at(0), 0}, {at(1), 2}});
  feed(external(labels("traffic_total", "b", "", "q"), ""), {{at(0), 0}, {at(1), 2}});
  advance(at(1));
  EXPECT_EQ(
      window_.frames().containers.at("cpu").series[0].text(),
      "cpu_total{container=\"a\",instance=\"i:9\",job=\"sonde\",mode=\"user\",namespace=\"n\",pod=\"p\","
      "service=\"s\"}");
  EXPECT_EQ(window_.frames().containers.at("traffic").series[1].text(),
            "traffic_total{container=\"b\",instance=\"i:9\",job=\"sonde\",namespace=\"n\",pod=\"q\","
            "service=\"s\"}");
}

TEST_F(SeriesWindowTest, TellsWhichQuantitiesNobodyFeeds) {
  feed(labels("cpu_total", "a"), {{at(0), 0}, {at(1), 2}});
  advance(at(1));
  EXPECT_EQ(window_.quantities_present(), std::vector<bool>({true, false, false, false}));
}

}  // namespace
}  // namespace sonde::analyzer
