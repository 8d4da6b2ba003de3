// What goes over the wire besides the reply: who we say we are, what we ask for, how many at once.

#include "analyzer/source/remote_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy.h>

#include <atomic>
#include <thread>

#include "analyzer/proto/remote_read.pb.h"
#include "tests/analyzer_source/fault_server.h"
#include "tests/analyzer_source/reply_maker.h"
#include "tests/identity/scratch_directory.h"

namespace sonde::analyzer {
namespace {

using test::FaultConnection;
using test::FaultServer;
using ::testing::HasSubstr;
using ::testing::Not;

const ReadQuery kQuery{{parse_selector("up").value()}, 0, 10'000, 0};

FaultServer::Script answers_chunks() {
  return [](FaultConnection& connection, const std::string&) {
    connection.send(test::http_answer(200, test::kChunksHeaders, test::frame(test::chunked_series("a"))));
  };
}

SourceOptions options_of(const FaultServer& server) {
  SourceOptions options;
  options.url = server.url() + "/prefix/";
  options.mode = ReadMode::kChunks;
  return options;
}

/// The one series that the answers of these tests hold, as text; or the error.
std::string read(const SourceOptions& options, ReadStats* stats = nullptr) {
  const auto source = make_remote_source(options);
  if (!source) return source.error().message;
  std::string seen;
  const auto done = (*source)->read(kQuery, [&](const LabelSet& labels, std::span<const Sample> samples) {
    seen += labels.text();
    for (const Sample& sample : samples) {
      seen +=
          ' ' + std::to_string(sample.timestamp_ms) + '=' + std::to_string(static_cast<int>(sample.value));
    }
  });
  if (!done) return done.error().message;
  if (stats != nullptr) *stats = *done;
  return seen;
}

constexpr std::string_view kWholeSeries = R"(up{job="a"} 1000=1 2000=2)";

TEST(RemoteSource, WhereNobodyListensItSaysWhereAndWhatToDo) {
  SourceOptions options;
  {
    const FaultServer gone(answers_chunks());
    options = options_of(gone);
  }
  EXPECT_EQ(read(options), options.url +
                               "api/v1/read: cannot connect: is a Prometheus there? --url / prometheus.url "
                               "names it");
}

TEST(RemoteSource, AsksForWhatTheQueryNames) {
  const FaultServer server(answers_chunks());
  EXPECT_EQ(read(options_of(server)), kWholeSeries);
  ASSERT_EQ(server.requests().size(), 1U);
  const std::string request = server.requests().front();
  EXPECT_THAT(request, HasSubstr("POST /prefix/api/v1/read HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Encoding: snappy\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nContent-Type: application/x-protobuf\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nX-Prometheus-Remote-Read-Version: 0.1.0\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
  EXPECT_THAT(request, Not(HasSubstr("Authorization")));
  EXPECT_THAT(request, Not(HasSubstr("X-Scope-OrgID")));

  const std::string body = request.substr(request.find("\r\n\r\n") + 4);
  std::string plain;
  ASSERT_TRUE(snappy::Uncompress(body.data(), body.size(), &plain));
  prometheus::ReadRequest message;
  ASSERT_TRUE(message.ParseFromString(plain));
  ASSERT_EQ(message.queries_size(), 1);
  EXPECT_EQ(message.queries(0).start_timestamp_ms(), kQuery.start_ms);
  EXPECT_EQ(message.queries(0).end_timestamp_ms(), kQuery.end_ms);
  EXPECT_EQ(message.queries(0).matchers(0).name(), "__name__");
  EXPECT_EQ(message.queries(0).matchers(0).value(), "up");
  ASSERT_EQ(message.accepted_response_types_size(), 2);
  EXPECT_EQ(message.accepted_response_types(0), prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
}

TEST(RemoteSource, TakesSamplesFromAServerThatDoesNotStream) {
  const FaultServer server([](FaultConnection& connection, const std::string&) {
    connection.send(test::http_answer(200, test::kSamplesHeaders, test::samples_body({"a"})));
  });
  EXPECT_EQ(read(options_of(server)), kWholeSeries);
}

TEST(RemoteSource, CountsChunksThatItCannotRead) {
  const FaultServer server([](FaultConnection& connection, const std::string&) {
    const std::string frames = test::frame(test::series_with_encoding("a", 2)) +
                               test::frame(test::series_with_encoding("b", 3)) +
                               test::frame(test::series_with_encoding("c", 6));
    connection.send(test::http_answer(200, test::kChunksHeaders, frames));
  });
  ReadStats stats;
  EXPECT_THAT(read(options_of(server), &stats), HasSubstr(kWholeSeries));
  EXPECT_EQ(stats.series, 3U);
  EXPECT_EQ(stats.samples, 6U);
  EXPECT_EQ(stats.skipped_histogram_chunks, 2U);
  EXPECT_EQ(stats.skipped_unknown_chunks, 1U);
}

TEST(RemoteSource, ChunksThatOverlapAreCountedAndTheLastCounts) {
  const FaultServer server([](FaultConnection& connection, const std::string&) {
    const std::string frame = test::frame(test::chunked_series("a"));
    connection.send(test::http_answer(200, test::kChunksHeaders, frame + frame));
  });
  ReadStats stats;
  EXPECT_EQ(read(options_of(server), &stats), kWholeSeries);
  EXPECT_EQ(stats.duplicate_samples, 2U);
}

TEST(RemoteSource, BasicAuthAndTenantAreSent) {
  const FaultServer server(answers_chunks());
  SourceOptions options = options_of(server);
  options.auth = {.username = "Aladdin", .password = "open sesame", .tenant = "team-7"};
  EXPECT_EQ(read(options), kWholeSeries);
  // RFC 7617, section 2.
  EXPECT_THAT(server.requests().front(),
              HasSubstr("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
  EXPECT_THAT(server.requests().front(), HasSubstr("\r\nX-Scope-OrgID: team-7\r\n"));
}

TEST(RemoteSource, ATokenFileIsReadAgainAtEachRead) {
  const FaultServer server(answers_chunks());
  const test::ScratchDirectory folder;
  SourceOptions options = options_of(server);
  options.auth.bearer_token_file = folder.write("token", "first-token\n");
  const auto source = make_remote_source(options);
  ASSERT_TRUE(source.has_value());
  const auto ignore = [](const LabelSet&, std::span<const Sample>) {};
  EXPECT_TRUE((*source)->read(kQuery, ignore).has_value());
  folder.write("token", "second-token\n");
  EXPECT_TRUE((*source)->read(kQuery, ignore).has_value());
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_THAT(requests[0], HasSubstr("\r\nAuthorization: Bearer first-token\r\n"));
  EXPECT_THAT(requests[1], HasSubstr("\r\nAuthorization: Bearer second-token\r\n"));

  options.auth.bearer_token_file = folder.path() + "/missing";
  EXPECT_THAT(read(options), HasSubstr("/missing: No such file or directory; name"));
  options.auth.bearer_token_file = folder.path();
  EXPECT_THAT(read(options), HasSubstr("bearer_token_file=" + folder.path() + ": not a regular file"));
  options.auth.bearer_token_file = folder.write("two_lines", "token\nInjected: header\n");
  EXPECT_THAT(read(options), HasSubstr("holds one line"));
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(RemoteSource, SecretsThatTheServerEchoesDoNotShow) {
  const FaultServer server([](FaultConnection& connection, const std::string& request) {
    connection.send(test::http_answer(400, "", request.substr(request.find("Authorization"), 100)));
  });
  SourceOptions options = options_of(server);
  options.auth.bearer_token = "s3cr3t-token";
  EXPECT_THAT(read(options), AllOf(HasSubstr("Bearer <secret>"), Not(HasSubstr("s3cr3t"))));
  options.auth = {.username = "Aladdin", .password = "open sesame"};
  EXPECT_THAT(read(options), AllOf(HasSubstr("Basic <secret>"), Not(HasSubstr("QWxhZGRpb"))));
}

TEST(RemoteSource, ARedirectIsNotFollowed) {
  const FaultServer other(answers_chunks());
  const FaultServer server([&](FaultConnection& connection, const std::string&) {
    connection.send(test::http_answer(307, "Location: " + other.url() + "/api/v1/read\r\n", ""));
  });
  EXPECT_THAT(read(options_of(server)), HasSubstr("a redirect, which is not followed"));
  EXPECT_TRUE(other.requests().empty());
}

TEST(RemoteSource, WithoutRemoteReadQueryRangeIsUsedAndRemembered) {
  for (const std::string_view refusal :
       {"404 page not found", "unsupported path requested: \"/api/v1/read\""}) {
    const int status = refusal.starts_with("404") ? 404 : 400;
    const FaultServer server([&](FaultConnection& connection, const std::string& request) {
      const bool remote_read = request.find("/api/v1/read ") != std::string::npos;
      connection.send(
          remote_read ? test::http_answer(status, "", refusal)
                      : test::http_answer(200, test::kJsonHeaders,
                                          R"({"status":"success","data":{"resultType":"matrix","result":[)"
                                          R"({"metric":{"__name__":"up","job":"a"},"values":)"
                                          R"([[1,"1"],[2.000,"2"]]}]}})"));
    });
    SourceOptions options = options_of(server);
    options.mode = ReadMode::kAuto;
    options.query_range_step = std::chrono::milliseconds(500);
    const auto source = make_remote_source(options);
    ASSERT_TRUE(source.has_value());
    for (int i = 0; i < 2; ++i) {
      std::vector<Sample> seen;
      const auto done = (*source)->read(kQuery, [&](const LabelSet& labels, std::span<const Sample> samples) {
        EXPECT_EQ(labels.text(), R"(up{job="a"})");
        seen.assign(samples.begin(), samples.end());
      });
      ASSERT_TRUE(done.has_value()) << done.error().message;
      ASSERT_EQ(seen.size(), 2U);
      EXPECT_EQ(seen[1].timestamp_ms, 2000);
      EXPECT_EQ(seen[1].value, 2);
    }
    EXPECT_TRUE((*source)->status().query_range_fallback);
    const std::vector<std::string> requests = server.requests();
    ASSERT_EQ(requests.size(), 3U);  // one refusal, then query_range alone
    EXPECT_THAT(requests[2], HasSubstr("POST /prefix/api/v1/query_range"));
    EXPECT_THAT(requests[2], HasSubstr("query=%7B__name__%3D%22up%22%7D&start=0.000&end=10.000&step=0.500"));
  }
}

TEST(RemoteSource, AtMostTwoReadsRunAtOnceAndTheOthersWait) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> go = false;
  const FaultServer server([&](FaultConnection& connection, const std::string& request) {
    const int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --running;
    answers_chunks()(connection, request);
  });
  const auto source = make_remote_source(options_of(server));
  ASSERT_TRUE(source.has_value());
  constexpr int kCallers = 6;
  std::atomic<int> good = 0;
  std::vector<std::jthread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      if ((*source)->read(kQuery, [](const LabelSet&, std::span<const Sample>) {})) ++good;
    });
  }
  while (running < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ((*source)->status().reads_in_flight, 2U);
  go = true;
  callers.clear();
  EXPECT_EQ(good, kCallers);
  EXPECT_EQ(most, 2);
  EXPECT_EQ((*source)->status().reads, size_t{kCallers});
}

TEST(RemoteSource, AWaitForAPlaceEndsAtTheDeadline) {
  const FaultServer server([](FaultConnection& connection, const std::string&) { connection.hold(); });
  SourceOptions options = options_of(server);
  options.concurrent_reads = 1;
  options.budget.timeout = std::chrono::milliseconds(500);
  const auto source = make_remote_source(options);
  ASSERT_TRUE(source.has_value());
  const auto ignore = [](const LabelSet&, std::span<const Sample>) {};
  {
    const std::jthread first([&] { EXPECT_FALSE((*source)->read(kQuery, ignore).has_value()); });
    while ((*source)->status().reads_in_flight == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_FALSE((*source)->read(kQuery, ignore).has_value());
  }
  const SourceStatus status = (*source)->status();
  // The second one may have found the place free just as its own deadline passed.
  EXPECT_EQ(status.fault_count(FaultKind::kBusy) + status.fault_count(FaultKind::kTimeout), 2U);
  EXPECT_EQ(status.reads_in_flight, 0U);
}

TEST(RemoteSource, AFaultIsForgottenByTheNextGoodRead) {
  std::atomic<bool> down = true;
  const FaultServer server([&](FaultConnection& connection, const std::string& request) {
    if (!down) answers_chunks()(connection, request);
  });
  const auto source = make_remote_source(options_of(server));
  ASSERT_TRUE(source.has_value());
  int seen = 0;
  const auto count = [&](const LabelSet&, std::span<const Sample>) { ++seen; };
  EXPECT_FALSE((*source)->read(kQuery, count).has_value());
  down = false;
  EXPECT_TRUE((*source)->read(kQuery, count).has_value());
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace sonde::analyzer
