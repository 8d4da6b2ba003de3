// The decoders against Debian's Prometheus: what was written comes back bit by bit.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "analyzer/source/source_options.h"
#include "common/clock.h"
#include "tests/analyzer_source/ten_kinds.h"
#include "tests/support/prometheus_server.h"

namespace sonde::analyzer {
namespace {

using test::PrometheusServer;
using test::WrittenSample;
using test::WrittenSeries;

using Samples = std::vector<Sample>;
using SeriesMap = std::map<std::string, Samples>;

constexpr int kPerKind = 100;
constexpr int kSamples = 1'240;  // over ten chunks of 120 for each of the 1,000 series

LabelSet labels_of(const WrittenSeries& series) {
  return LabelSet(series.labels);
}

Selector selector(std::string_view text) {
  return parse_selector(text).value();
}

SourceOptions options_for(const PrometheusServer& server, ReadMode mode) {
  SourceOptions options;
  options.url = server.url();
  options.mode = mode;
  return options;
}

/// Reads all that the query asks for; the error's text, and nothing in `out`, where that fails.
std::string read_all(const SourceOptions& options, const ReadQuery& query, SeriesMap& out,
                     ReadStats* stats = nullptr) {
  const auto source = make_remote_source(options);
  if (!source) return source.error().message;
  const auto read = (*source)->read(query, [&](const LabelSet& labels, std::span<const Sample> samples) {
    EXPECT_TRUE(out.emplace(labels.text(), Samples(samples.begin(), samples.end())).second) << "twice";
  });
  if (!read) return read.error().message;
  if (stats != nullptr) *stats = *read;
  return "";
}

/// Differences between what was written and what came back, as text for people; "" where there is none.
std::string difference(const Samples& written, const Samples& read) {
  for (size_t i = 0; i < std::min(written.size(), read.size()); ++i) {
    const auto want = std::bit_cast<uint64_t>(written[i].value);
    const auto got = std::bit_cast<uint64_t>(read[i].value);
    if (want == got && written[i].timestamp_ms == read[i].timestamp_ms) continue;
    return fmt::format("sample {}: wrote {:016x} at {}, read {:016x} at {}", i, want, written[i].timestamp_ms,
                       got, read[i].timestamp_ms);
  }
  return written.size() == read.size()
             ? ""
             : fmt::format("wrote {} samples, read {}", written.size(), read.size());
}

std::string difference(const SeriesMap& written, const SeriesMap& read) {
  if (written.size() != read.size())
    return fmt::format("wrote {} series, read {}", written.size(), read.size());
  for (const auto& [name, samples] : written) {
    const auto found = read.find(name);
    if (found == read.end()) return name + " is missing";
    if (const std::string text = difference(samples, found->second); !text.empty()) return name + ": " + text;
  }
  return "";
}

/// One server with all the data, made once.
class PrometheusTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<PrometheusServer>();
    ASSERT_EQ(server_->error(), "");
    end_ms_ = unix_milliseconds_now();
    const std::vector<WrittenSeries> series = test::make_ten_kinds(kPerKind, kSamples, end_ms_);
    ASSERT_EQ(server_->write(series), "");
    start_ms_ = end_ms_;
    for (const WrittenSeries& one : series) {
      Samples& samples = written_[labels_of(one).text()];
      for (const WrittenSample& sample : one.samples) samples.push_back({sample.timestamp_ms, sample.value});
      start_ms_ = std::min(start_ms_, samples.front().timestamp_ms);
    }
  }
  static void TearDownTestSuite() {
    server_.reset();
    written_.clear();
  }

  static ReadQuery whole(std::string_view text = "sonde_test_data") {
    return {{selector(text)}, start_ms_, end_ms_, 0};
  }

  /// What was written, within a range and, in SAMPLES mode, as Prometheus's encoder leaves it: it takes -0
  /// for protobuf's default value and drops it, so that 0 arrives.
  static SeriesMap expected(const ReadQuery& query, bool minus_zero_is_lost) {
    SeriesMap out;
    for (const auto& [name, samples] : written_) {
      for (Sample sample : samples) {
        if (sample.timestamp_ms < query.start_ms || sample.timestamp_ms > query.end_ms) continue;
        if (minus_zero_is_lost && sample.value == 0) sample.value = 0;
        out[name].push_back(sample);
      }
    }
    return out;
  }

  static inline std::unique_ptr<PrometheusServer> server_;
  static inline SeriesMap written_;
  static inline int64_t start_ms_ = 0;
  static inline int64_t end_ms_ = 0;
};

TEST_F(PrometheusTest, ChunksComeBackBitByBit) {
  SeriesMap read;
  ReadStats stats;
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kChunks), whole(), read, &stats), "");
  EXPECT_EQ(difference(written_, read), "");
  EXPECT_EQ(stats.series, written_.size());
  EXPECT_EQ(stats.samples, written_.size() * kSamples);
  EXPECT_EQ(stats.clipped_samples, 0U);
  EXPECT_EQ(stats.duplicate_samples, 0U);
}

TEST_F(PrometheusTest, TheTenKindsFillTenThousandChunks) {
  // Counted by the server itself, so that the test above cannot shrink unnoticed.
  constexpr std::string_view kMetric = "\nprometheus_tsdb_head_chunks_created_total ";
  const std::string metrics = server_->get("/metrics");
  const size_t at = metrics.find(kMetric);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(test::data_kinds().size(), 10U);
  EXPECT_GE(std::stod(metrics.substr(at + kMetric.size())), 10'000);
}

TEST_F(PrometheusTest, SamplesComeBackBitByBitButForTheSignOfZero) {
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kSamples), whole(), read), "");
  EXPECT_EQ(difference(expected(whole(), true), read), "");
}

TEST_F(PrometheusTest, ARangeIsClippedOnBothSidesInBothModes) {
  ReadQuery query = whole();
  query.start_ms = end_ms_ - 2 * 3'600'000 + 1'234;
  query.end_ms = end_ms_ - 1'800'000 - 4'321;
  for (const ReadMode mode : {ReadMode::kChunks, ReadMode::kSamples}) {
    SeriesMap read;
    ASSERT_EQ(read_all(options_for(*server_, mode), query, read), "");
    EXPECT_EQ(difference(expected(query, mode == ReadMode::kSamples), read), "");
  }
}

TEST_F(PrometheusTest, EqualsARangeSelectorWithoutStaleMarkersAndWithOneNan) {
  for (const std::string& kind : test::data_kinds()) {
    const std::string matcher = "sonde_test_data{kind=\"" + kind + "\"}";
    SeriesMap read;
    ASSERT_EQ(read_all(options_for(*server_, ReadMode::kChunks), whole(matcher), read), "");

    const int64_t range_seconds = (end_ms_ - start_ms_) / 1000 + 1;
    const std::string body = server_->get(
        fmt::format("/api/v1/query?time={}.{:03}&query=sonde_test_data%7Bkind%3D%22{}%22%7D%5B{}s%5D",
                    end_ms_ / 1000, end_ms_ % 1000, kind, range_seconds));
    ASSERT_NE(body, "");
    const auto answer = nlohmann::json::parse(body);
    SeriesMap other;
    for (const auto& series : answer["data"]["result"]) {
      std::vector<LabelSet::Pair> labels;
      for (const auto& [name, value] : series["metric"].items()) labels.emplace_back(name, value);
      Samples& samples = other[LabelSet(std::move(labels)).text()];
      for (const auto& pair : series["values"]) {
        const std::string text = pair[1].get<std::string>();
        double value = 0;
        std::from_chars(text.data() + (text[0] == '+' ? 1 : 0), text.data() + text.size(), value);
        samples.push_back({std::llround(pair[0].get<double>() * 1000), value});
      }
    }
    const auto one_nan = [](Samples& samples) {
      std::erase_if(samples, [](const Sample& sample) { return is_stale(sample.value); });
      for (Sample& sample : samples) {
        if (std::isnan(sample.value)) sample.value = std::numeric_limits<double>::quiet_NaN();
      }
    };
    for (auto& [name, samples] : read) one_nan(samples);
    for (auto& [name, samples] : other) one_nan(samples);
    EXPECT_EQ(difference(other, read), "") << kind;
  }
}

TEST_F(PrometheusTest, SelectorsThatOverlapGiveASeriesOnce) {
  ReadQuery query = whole("sonde_test_data{kind=\"noise\"}");
  query.selectors.push_back(selector("{kind=~\"noi.*\",instance!=\"host-3\"}"));
  query.selectors.push_back(selector("sonde_test_data{kind=\"counter\",instance=~\"host-[12]\"}"));
  for (const ReadMode mode : {ReadMode::kChunks, ReadMode::kSamples}) {
    SeriesMap read;
    ReadStats stats;
    ASSERT_EQ(read_all(options_for(*server_, mode), query, read, &stats), "");
    EXPECT_EQ(read.size(), size_t{kPerKind} + 2);
    EXPECT_EQ(stats.duplicate_samples, 0U);
    for (const auto& [name, samples] : read) EXPECT_EQ(difference(written_[name], samples), "") << name;
  }
}

TEST_F(PrometheusTest, AutomaticModeTakesSamplesForShortAndChunksForLongWindows) {
  ReadQuery query = whole("sonde_test_data{kind=\"special\"}");
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kAuto), query, read), "");
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
  query.start_ms = end_ms_ - 599'000;
  read.clear();
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kAuto), query, read), "");
  EXPECT_GT(read.size(), 0U);
  EXPECT_EQ(minus_zeros(read), 0U);
}

TEST_F(PrometheusTest, QueryRangeGivesTheGridOfTheServer) {
  ReadQuery query = whole("sonde_test_data{kind=\"sine\",instance=\"host-7\"}");
  query.start_ms = end_ms_ - 3'600'000;
  query.step_ms = 60'000;
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kQueryRange), query, read), "");
  ASSERT_EQ(read.size(), 1U);
  const Samples& written = written_.at(read.begin()->first);
  const Samples& samples = read.begin()->second;
  ASSERT_EQ(samples.size(), 61U);
  for (const Sample& sample : samples) {
    const auto next = std::ranges::upper_bound(written, sample.timestamp_ms, {}, &Sample::timestamp_ms);
    ASSERT_NE(next, written.begin());
    EXPECT_EQ(std::bit_cast<uint64_t>(sample.value), std::bit_cast<uint64_t>(std::prev(next)->value));
  }
}

TEST_F(PrometheusTest, QueryRangeBeyondElevenThousandPointsIsAskedInPieces) {
  ReadQuery query = whole("sonde_test_data{kind=\"constant\",instance=\"host-0\"}");
  query.start_ms = end_ms_ - 15'000'000;
  query.step_ms = 1'000;
  SeriesMap read;
  ASSERT_EQ(read_all(options_for(*server_, ReadMode::kQueryRange), query, read), "");
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read.begin()->second.size(), 15'001U);
}

TEST_F(PrometheusTest, AServerLimitOnSamplesIsItsOwnFault) {
  test::PrometheusServer limited(
      {.config = "global: {}\n", .flags = {"--storage.remote.read-sample-limit=100"}});
  ASSERT_EQ(limited.error(), "");
  const int64_t now_ms = unix_milliseconds_now();
  ASSERT_EQ(limited.write(test::make_ten_kinds(1, 100, now_ms)), "");
  const auto source = make_remote_source(options_for(limited, ReadMode::kSamples));
  ASSERT_TRUE(source.has_value());
  const ReadQuery query{{selector("sonde_test_data")}, now_ms - 86'400'000, now_ms, 0};
  const auto read =
      (*source)->read(query, [](const LabelSet&, std::span<const Sample>) { FAIL() << "sink called"; });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kLimit);
  EXPECT_NE(read.error().message.find("exceeded sample limit (100)"), std::string::npos)
      << read.error().message;
  EXPECT_EQ((*source)->status().fault_count(FaultKind::kSampleLimit), 1U);
}

TEST_F(PrometheusTest, ASeriesThatSpansFramesIsPutTogether) {
  test::PrometheusServer server(
      {.config = "global: {}\n", .flags = {"--storage.remote.read-max-bytes-in-frame=600"}});
  ASSERT_EQ(server.error(), "");
  const int64_t now_ms = unix_milliseconds_now();
  const std::vector<WrittenSeries> series = test::make_ten_kinds(2, 700, now_ms);
  ASSERT_EQ(server.write(series), "");
  SeriesMap written;
  for (const WrittenSeries& one : series) {
    for (const WrittenSample& sample : one.samples) {
      written[labels_of(one).text()].push_back({sample.timestamp_ms, sample.value});
    }
  }
  SeriesMap read;
  const ReadQuery query{{selector("sonde_test_data")}, now_ms - 86'400'000, now_ms, 0};
  ASSERT_EQ(read_all(options_for(server, ReadMode::kChunks), query, read), "");
  EXPECT_EQ(difference(written, read), "");
}

TEST_F(PrometheusTest, ExternalLabelsComeSortedAndMergedIntoTheSeries) {
  test::PrometheusServer server(
      {.config = "global:\n  external_labels:\n    a_first: '1'\n    instance_group: east\n    zone: z\n",
       .flags = {}});
  ASSERT_EQ(server.error(), "");
  const int64_t now_ms = unix_milliseconds_now();
  const std::vector<WrittenSeries> series = test::make_ten_kinds(2, 300, now_ms);
  ASSERT_EQ(server.write(series), "");
  SeriesMap written;
  for (const WrittenSeries& one : series) {
    std::vector<LabelSet::Pair> labels = one.labels;
    labels.insert(labels.end(), {{"zone", "z"}, {"a_first", "1"}, {"instance_group", "east"}});
    Samples& samples = written[LabelSet(labels).text()];
    for (const WrittenSample& sample : one.samples) samples.push_back({sample.timestamp_ms, sample.value});
  }
  for (const char* text : {"sonde_test_data", "sonde_test_data{zone=\"z\"}"}) {
    SeriesMap read;
    const ReadQuery query{{selector(text)}, now_ms - 86'400'000, now_ms, 0};
    ASSERT_EQ(read_all(options_for(server, ReadMode::kChunks), query, read), "");
    EXPECT_EQ(difference(written, read), "");
  }
}

}  // namespace
}  // namespace sonde::analyzer
