// How reading behaves in front of Debian's Prometheus: ranges, modes, limits, labels.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "tests/analyzer_source/read_all.h"
#include "tests/analyzer_source/ten_kinds.h"

namespace sonde::analyzer {
namespace {

using test::difference;
using test::options_for;
using test::read_all;
using test::Samples;
using test::selector;
using test::SeriesMap;

constexpr int kPerKind = 3;
constexpr int kSamples = 1'240;

class PrometheusTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    loaded = std::make_unique<test::LoadedServer>(kPerKind, kSamples);
    ASSERT_EQ(loaded->error, "");
  }
  static void TearDownTestSuite() { loaded.reset(); }

  static inline std::unique_ptr<test::LoadedServer> loaded;
};

TEST_F(PrometheusTest, ARangeIsClippedOnBothSidesInBothModes) {
  ReadQuery query = loaded->whole();
  query.start_ms = loaded->end_ms - 2 * 3'600'000 + 1'234;
  query.end_ms = loaded->end_ms - 1'800'000 - 4'321;
  for (const ReadMode mode : {ReadMode::kChunks, ReadMode::kSamples}) {
    SeriesMap read;
    ASSERT_EQ(read_all(options_for(loaded->server.url(), mode), query, read), "");
    EXPECT_EQ(difference(loaded->expected(query, mode == ReadMode::kSamples), read), "");
  }
}

TEST_F(PrometheusTest, SelectorsThatOverlapGiveASeriesOnce) {
  ReadQuery query = loaded->whole("sonde_test_data{kind=\"noise\"}");
  query.selectors.push_back(selector("{kind=~\"noi.*\",instance!=\"host-3\"}"));
  query.selectors.push_back(selector("sonde_test_data{kind=\"counter\",instance=~\"host-[12]\"}"));
  for (const ReadMode mode : {ReadMode::kChunks, ReadMode::kSamples}) {
    SeriesMap read;
    ReadStats stats;
    ASSERT_EQ(read_all(options_for(loaded->server.url(), mode), query, read, &stats), "");
    EXPECT_EQ(read.size(), size_t{kPerKind} + 2);
    EXPECT_EQ(stats.duplicate_samples, 0U);
    for (const auto& [name, samples] : read)
      EXPECT_EQ(difference(loaded->written[name], samples), "") << name;
  }
}

TEST_F(PrometheusTest, AutomaticModeTakesSamplesForShortAndChunksForLongWindows) {
  ReadQuery query = loaded->whole("sonde_test_data{kind=\"special\"}");
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kAuto), query, read), "");
  EXPECT_EQ(read.begin()->second.size(), size_t{kSamples});
  // Only SAMPLES lose the sign of zero: that tells which mode it was.
  const auto minus_zeros = [](const SeriesMap& map) {
    size_t count = 0;
    for (const auto& [name, samples] : map) {
      for (const Sample& sample : samples) count += sample.value == 0 && std::signbit(sample.value) ? 1 : 0;
    }
    return count;
  };
  EXPECT_GT(minus_zeros(read), 0U);
  query.start_ms = loaded->end_ms - 599'000;
  read.clear();
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kAuto), query, read), "");
  EXPECT_GT(read.size(), 0U);
  EXPECT_EQ(minus_zeros(read), 0U);
}

TEST_F(PrometheusTest, QueryRangeGivesTheGridOfTheServer) {
  ReadQuery query = loaded->whole("sonde_test_data{kind=\"sine\",instance=\"host-2\"}");
  query.start_ms = loaded->end_ms - 3'600'000;
  query.step_ms = 60'000;
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kQueryRange), query, read), "");
  ASSERT_EQ(read.size(), 1U);
  const Samples& written = loaded->written.at(read.begin()->first);
  const Samples& samples = read.begin()->second;
  ASSERT_EQ(samples.size(), 61U);
  for (const Sample& sample : samples) {
    const auto next = std::ranges::upper_bound(written, sample.timestamp_ms, {}, &Sample::timestamp_ms);
    ASSERT_NE(next, written.begin());
    EXPECT_EQ(std::bit_cast<uint64_t>(sample.value), std::bit_cast<uint64_t>(std::prev(next)->value));
  }
}

TEST_F(PrometheusTest, QueryRangeBeyondElevenThousandPointsIsAskedInPieces) {
  ReadQuery query = loaded->whole("sonde_test_data{kind=\"constant\",instance=\"host-0\"}");
  query.start_ms = loaded->end_ms - 15'000'000;
  query.step_ms = 1'000;
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(loaded->server.url(), ReadMode::kQueryRange), query, read), "");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read.begin()->second.size(), 15'001U);
}

TEST(PrometheusOptions, AServerLimitOnSamplesIsItsOwnFault) {
  const test::LoadedServer limited(1, 100, {.flags = {"--storage.remote.read-sample-limit=100"}});
  ASSERT_EQ(limited.error, "");
  const auto source = make_remote_source(options_for(limited.server.url(), ReadMode::kSamples));
  ASSERT_TRUE(source.has_value());
  bool sink_called = false;
  const auto sink = [&](const LabelSet&, std::span<const Sample>) { sink_called = true; };
  const auto read = (*source)->read(limited.whole(), sink);
  ASSERT_FALSE(read.has_value());
  EXPECT_FALSE(sink_called);
  EXPECT_EQ(read.error().code, ErrorCode::kLimit);
  EXPECT_NE(read.error().message.find("exceeded sample limit (100)"), std::string::npos)
      << read.error().message;
  EXPECT_EQ((*source)->status().fault_count(FaultKind::kSampleLimit), 1U);
}

TEST(PrometheusOptions, ASeriesThatSpansFramesIsPutTogether) {
  const test::LoadedServer loaded(2, 700, {.flags = {"--storage.remote.read-max-bytes-in-frame=600"}});
  ASSERT_EQ(loaded.error, "");
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(loaded.server.url(), ReadMode::kChunks), loaded.whole(), read), "");
  EXPECT_EQ(difference(loaded.written, read), "");
}

TEST(PrometheusOptions, ExternalLabelsComeSortedAndMergedIntoTheSeries) {
  const test::LoadedServer loaded(
      2, 300, {.config = "global:\n  external_labels: {a_first: '1', instance_group: east, zone: z}\n"});
  ASSERT_EQ(loaded.error, "");
  SeriesMap written;
  for (const auto& [name, samples] : loaded.written) {
    const size_t instance = name.find("instance=");
    const size_t kind = name.find(",kind=");
    const std::string labels = "a_first=\"1\"," + name.substr(instance, kind - instance) +
                               ",instance_group=\"east\"" + name.substr(kind, name.size() - kind - 1);
    written["sonde_test_data{" + labels + ",zone=\"z\"}"] = samples;
  }
  for (const char* text : {"sonde_test_data", "sonde_test_data{zone=\"z\"}"}) {
    SeriesMap read;
    ASSERT_EQ(read_all(options_for(loaded.server.url(), ReadMode::kChunks), loaded.whole(text), read), "");
    EXPECT_EQ(difference(written, read), "");
  }
}

}  // namespace
}  // namespace sonde::analyzer
