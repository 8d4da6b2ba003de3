// Replies as no sound server gives them: nothing reaches the sink, and the fault is counted as what it is.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "analyzer/source/crc32c.h"
#include "analyzer/source/source_options.h"
#include "tests/analyzer_source/fault_server.h"
#include "tests/analyzer_source/reply_maker.h"

namespace sonde::analyzer {
namespace {

using test::chunked_head;
using test::FaultConnection;
using test::FaultServer;
using test::http_answer;
using test::http_chunk;
using test::kChunksHeaders;
using test::kJsonHeaders;
using test::kSamplesHeaders;

struct FaultCase {
  const char* name;
  ReadMode mode;
  FaultKind kind;
  FaultServer::Script script;
};

/// A script that sends one thing and closes.
FaultServer::Script sends(std::string bytes) {
  return
      [bytes = std::move(bytes)](FaultConnection& connection, const std::string&) { connection.send(bytes); };
}

/// Frames as a chunked answer with its proper end.
std::string framed(const std::string& frames) {
  return chunked_head(kChunksHeaders) + http_chunk(frames) + http_chunk("");
}

/// A SAMPLES answer with this body.
std::string snappied(const std::string& body) {
  return http_answer(200, kSamplesHeaders, body);
}

std::string good() {
  return test::frame(test::chunked_series("a")) + test::frame(test::chunked_series("b"));
}

std::string with_flipped_bit(std::string bytes, size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

std::vector<FaultCase> connection_cases() {
  const auto chunks = ReadMode::kChunks;
  return {
      {"ClosedAtOnce", chunks, FaultKind::kConnect, sends("")},
      {"NoHttp", chunks, FaultKind::kConnect, sends("SSH-2.0-OpenSSH_9.2\r\n\r\n")},
      {"Silent", chunks, FaultKind::kTimeout, [](FaultConnection& c, const std::string&) { c.hold(); }},
      {"HeaderInDrops", chunks, FaultKind::kTimeout,
       [](FaultConnection& c, const std::string&) {
         c.send("HTTP/1.1 200 OK\r\n");
         c.drip("X-A: b\r\n");
       }},
      {"BodyInDrops", chunks, FaultKind::kTimeout,
       [](FaultConnection& c, const std::string&) {
         c.send(chunked_head(kChunksHeaders) + "ffff\r\n");
         c.drip("x");
       }},
      {"StopsInTheBody", chunks, FaultKind::kTimeout,
       [](FaultConnection& c, const std::string&) {
         c.send(chunked_head(kChunksHeaders) + http_chunk(good()));
         c.hold();
       }},
      {"StatusLineWithoutEnd", chunks, FaultKind::kMalformed,
       [](FaultConnection& c, const std::string&) { c.flood("HTTP/1.1 200 OK and more "); }},
      {"HeaderLineWithoutEnd", chunks, FaultKind::kMalformed,
       [](FaultConnection& c, const std::string&) {
         c.send("HTTP/1.1 200 OK\r\nX: ");
         c.flood("yyyyyyyyyyyyyyyyyyyyyyyyyyyy");
       }},
      {"HeadersWithoutEnd", chunks, FaultKind::kMalformed,
       [](FaultConnection& c, const std::string&) {
         c.send("HTTP/1.1 200 OK\r\n");
         c.flood("X-Header: value\r\n");
       }},
      {"ContinueWithoutEnd", chunks, FaultKind::kMalformed,
       [](FaultConnection& c, const std::string&) { c.flood("HTTP/1.1 100 Continue\r\n\r\n"); }},
      {"ChunkLengthWithoutEnd", chunks, FaultKind::kMalformed,
       [](FaultConnection& c, const std::string&) {
         c.send(chunked_head(kChunksHeaders));
         c.flood("00000000000000000000");
       }},
      {"ResetMidFrame", chunks, FaultKind::kTruncated,
       [](FaultConnection& c, const std::string&) {
         c.send(chunked_head(kChunksHeaders) + "fff\r\n" + good().substr(0, 40));
         c.reset();
       }},
      {"CutMidFrame", chunks, FaultKind::kTruncated,
       sends(chunked_head(kChunksHeaders) + "fff\r\n" + good().substr(0, 40))},
      {"CutOnAFrameBoundary", chunks, FaultKind::kTruncated,
       sends(chunked_head(kChunksHeaders) + http_chunk(good()))},
      {"ShorterThanItsLength", chunks, FaultKind::kTruncated,
       sends("HTTP/1.1 200 OK\r\n" + std::string(kChunksHeaders) + "Content-Length: 99999\r\n\r\n" + good())},
      {"NeitherLengthNorChunks", chunks, FaultKind::kTruncated,
       sends("HTTP/1.1 200 OK\r\n" + std::string(kChunksHeaders) + "\r\n" + good())},
  };
}

std::vector<FaultCase> status_cases() {
  const auto samples = ReadMode::kSamples;
  return {
      {"BadRequest", samples, FaultKind::kRejected, sends(http_answer(400, "", "bad matcher"))},
      {"NotFound", samples, FaultKind::kRejected, sends(http_answer(404, "", "404 page not found"))},
      {"Unauthorized", samples, FaultKind::kUnauthorized, sends(http_answer(401, "", "who are you"))},
      {"Forbidden", samples, FaultKind::kUnauthorized, sends(http_answer(403, "", ""))},
      {"SampleLimit", samples, FaultKind::kSampleLimit,
       sends(http_answer(400, "", "exceeded sample limit (1000)"))},
      {"InternalError", samples, FaultKind::kServerError, sends(http_answer(500, "", "boom"))},
      {"Unavailable", samples, FaultKind::kServerError, sends(http_answer(503, "", ""))},
      {"TooManyRequests", samples, FaultKind::kServerError, sends(http_answer(429, "", ""))},
      {"ErrorTextWithoutEnd", samples, FaultKind::kServerError,
       [](FaultConnection& c, const std::string&) {
         c.send("HTTP/1.1 500 No\r\nContent-Length: 999999999\r\n\r\n");
         c.flood("something is wrong ");
       }},
      {"Redirect", samples, FaultKind::kRedirect,
       sends(http_answer(302, "Location: http://127.0.0.1:1/api/v1/read\r\n", ""))},
      {"NoContent", samples, FaultKind::kContentType, sends("HTTP/1.1 204 No Content\r\n\r\n")},
      {"AnotherType", samples, FaultKind::kContentType,
       sends(http_answer(200, "Content-Type: text/html\r\n", "<html>log in</html>"))},
      {"AnotherEncoding", ReadMode::kChunks, FaultKind::kContentType,
       sends(http_answer(200, std::string(kChunksHeaders) + "Content-Encoding: gzip\r\n", "x"))},
      {"ChunksThoughSamplesWereAsked", samples, FaultKind::kContentType, sends(framed(good()))},
  };
}

std::vector<FaultCase> frame_cases() {
  const auto chunks = ReadMode::kChunks;
  const std::string four_gib(
      "\xff\xff\xff\xff\x0f"
      "abcd"
      "rest");
  return {
      {"EndsWithinAFrame", chunks, FaultKind::kTruncated, sends(framed(good().substr(0, good().size() - 1)))},
      {"EndsWithinALength", chunks, FaultKind::kTruncated, sends(framed(good() + "\xff"))},
      {"FlippedBitInTheLastFrame", chunks, FaultKind::kChecksum,
       sends(framed(with_flipped_bit(good(), good().size() - 3)))},
      {"FourGibibytesAnnounced", chunks, FaultKind::kTooLarge, sends(framed(good() + four_gib))},
      {"LengthThatIsNoVarint", chunks, FaultKind::kMalformed, sends(framed(std::string(12, '\xff')))},
      {"ErrorTextAfterFrames", chunks, FaultKind::kServerError,
       sends(framed(good() + "remote error: query timed out in expression evaluation\n"))},
      {"FrameOfGarbage", chunks, FaultKind::kMalformed, sends(framed(test::frame("\x07garbage\xff")))},
      {"SeriesNotAskedFor", chunks, FaultKind::kMalformed,
       sends(framed(test::frame(test::chunked_series("a", "other_metric"))))},
      {"AnswerToNoQuestion", chunks, FaultKind::kMalformed,
       sends(framed(test::frame(test::chunked_series("a") + "\x10\x07")))},
      {"LabelThatIsNotUtf8", chunks, FaultKind::kMalformed,
       sends(framed(good() + test::frame(test::chunked_series("\xc3\x28"))))},
      {"ChunkShorterThanItSays", chunks, FaultKind::kMalformed,
       sends(framed(good() + test::frame(test::chunked_series("c", "up", test::lying_chunk()))))},
      {"TwoThousandLabels", chunks, FaultKind::kMalformed,
       sends(framed(test::frame(test::series_with_labels(2'000))))},
      {"FramesWithoutEnd", chunks, FaultKind::kTooLarge,
       [](FaultConnection& c, const std::string&) {
         c.send(chunked_head(kChunksHeaders));
         for (int i = 0; c.send(http_chunk(test::frame(test::chunked_series(std::to_string(i))))); ++i) {
         }
       }},
      {"EmptyFramesWithoutEnd", chunks, FaultKind::kTooLarge,
       [](FaultConnection& c, const std::string&) {
         std::string many;
         for (int i = 0; i < 10'000; ++i) many += test::frame("");
         c.send(chunked_head(kChunksHeaders));
         c.flood(http_chunk(many));
       }},
  };
}

std::vector<FaultCase> samples_cases() {
  const auto samples = ReadMode::kSamples;
  const std::string body = test::samples_body({"a", "b"});
  return {
      {"EmptySnappy", samples, FaultKind::kMalformed, sends(snappied(""))},
      {"CutSnappy", samples, FaultKind::kMalformed, sends(snappied(body.substr(0, body.size() / 2)))},
      {"GarbageSnappy", samples, FaultKind::kMalformed, sends(snappied("\x10garbage and more"))},
      {"FourGibibytesOfSnappy", samples, FaultKind::kTooLarge,
       sends(snappied("\xff\xff\xff\xff\x0f" + body.substr(1)))},
      {"SnappyBomb", samples, FaultKind::kTooLarge,
       [](FaultConnection& c, const std::string&) { c.send(snappied(test::snappy_of_zeros(200 << 20))); }},
      {"SnappyOfGarbage", samples, FaultKind::kMalformed, sends(snappied(test::snappy("\x0a\xff garbage")))},
      {"SeriesNotAskedForInSamples", samples, FaultKind::kMalformed,
       sends(snappied(test::samples_body({"a"}, "other_metric")))},
      {"SamplesWithoutEnd", samples, FaultKind::kTooLarge,
       [](FaultConnection& c, const std::string&) {
         c.send("HTTP/1.1 200 OK\r\n" + std::string(kSamplesHeaders) + "Content-Length: 9999999999\r\n\r\n");
         c.flood(std::string(65'536, 'x'));
       }},
  };
}

std::vector<FaultCase> query_range_cases() {
  const auto range = ReadMode::kQueryRange;
  const auto json = [](std::string_view body) { return sends(http_answer(200, kJsonHeaders, body)); };
  const std::string series = R"({"metric":{"__name__":"up","job":"a"},"values":[[1,"1"],[2,"2"]]})";
  const std::string head = R"({"status":"success","data":{"resultType":"matrix","result":[)";
  return {
      {"CutJson", range, FaultKind::kMalformed, json(head + series)},
      {"FailedInside", range, FaultKind::kServerError, json(R"({"status":"error","error":"no"})")},
      {"PartialAnswer", range, FaultKind::kServerError,
       json(head + series + R"(]},"warnings":["store down"]})")},
      {"NotAMatrix", range, FaultKind::kMalformed,
       json(R"({"status":"success","data":{"resultType":"vector","result":[]}})")},
      {"ValueThatIsNoNumber", range, FaultKind::kMalformed,
       json(head + R"({"metric":{"__name__":"up"},"values":[[1,"one"]]}]}})")},
      {"PairOfThree", range, FaultKind::kMalformed,
       json(head + R"({"metric":{"__name__":"up"},"values":[[1,"1","1"]]}]}})")},
      {"DeepNesting", range, FaultKind::kMalformed, json(std::string(100'000, '['))},
      {"Html", range, FaultKind::kContentType, sends(http_answer(200, "Content-Type: text/html\r\n", "<p>"))},
      {"TooManySamplesInMemory", range, FaultKind::kSampleLimit,
       sends(http_answer(422, kJsonHeaders, R"({"error":"query processing would load too many samples"})"))},
  };
}

void PrintTo(const FaultCase& fault_case, std::ostream* stream) {
  *stream << fault_case.name;
}

class FaultTest : public ::testing::TestWithParam<FaultCase> {};

TEST_P(FaultTest, NothingReachesTheSinkAndTheKindIsCounted) {
  const FaultCase& fault_case = GetParam();
  const FaultServer server(fault_case.script);
  SourceOptions options;
  options.url = server.url();
  options.mode = fault_case.mode;
  // Where nothing hangs the time only has to suffice; where it does it is what the test waits for.
  const bool hangs = fault_case.kind == FaultKind::kTimeout;
  options.budget.timeout = std::chrono::milliseconds(hangs ? 300 : 60'000);
  const auto source = make_remote_source(options);
  ASSERT_TRUE(source.has_value());
  const ReadQuery query{{parse_selector("up").value()}, 0, 10'000, 0};
  bool sink_called = false;
  const auto read =
      (*source)->read(query, [&](const LabelSet&, std::span<const Sample>) { sink_called = true; });
  EXPECT_FALSE(sink_called);
  ASSERT_FALSE(read.has_value());
  const SourceStatus status = (*source)->status();
  for (size_t i = 0; i < kFaultKinds; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    EXPECT_EQ(status.fault_count(kind), kind == fault_case.kind ? 1U : 0U)
        << fault_name(kind) << ": " << read.error().message;
  }
  EXPECT_EQ(status.reads, 1U);
  EXPECT_EQ(status.reads_in_flight, 0U);
  EXPECT_EQ(read.error().message.find('\n'), std::string::npos) << read.error().message;
}

std::string case_name(const ::testing::TestParamInfo<FaultCase>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Connection, FaultTest, ::testing::ValuesIn(connection_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Status, FaultTest, ::testing::ValuesIn(status_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Frames, FaultTest, ::testing::ValuesIn(frame_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Samples, FaultTest, ::testing::ValuesIn(samples_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(QueryRange, FaultTest, ::testing::ValuesIn(query_range_cases()), case_name);

}  // namespace
}  // namespace sonde::analyzer
