// Decoding of streamed remote-read replies on one core: CRC-32C, protobuf walk and XOR chunks, of data that
// Debian's Prometheus encoded. Argument: the kind of data, and "mixed" for all ten in equal parts.

#include <benchmark/benchmark.h>
#include <httplib.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analyzer/source/chunked_reply.h"
#include "analyzer/source/crc32c.h"
#include "analyzer/source/read_request.h"
#include "analyzer/source/wire_reader.h"
#include "analyzer/source/xor_chunk.h"
#include "common/clock.h"
#include "tests/analyzer_source/read_all.h"
#include "tests/analyzer_source/ten_kinds.h"

namespace {

using namespace sonde;
using namespace sonde::analyzer;

constexpr int kPerKind = 40;
constexpr int kSamples = 1'440;

/// The reply to a query for everything that the matcher selects, as it came over the wire.
std::string fetch_reply(const test::LoadedServer& loaded, const ReadQuery& query) {
  const HttpRequest request = make_read_request(query, ReadMode::kChunks);
  httplib::Client client("127.0.0.1", loaded.server.port());
  const auto answer =
      client.Post(request.path, httplib::Headers(request.headers.begin(), request.headers.end()),
                  request.body, request.content_type);
  return answer && answer->status == 200 ? answer->body : "";
}

/// The replies for each kind, fetched once.
const std::map<std::string, std::string>& replies() {
  static const std::map<std::string, std::string> kReplies = [] {
    const test::LoadedServer loaded(kPerKind, kSamples);
    std::map<std::string, std::string> out;
    if (!loaded.error.empty()) return out;
    for (const std::string& kind : test::data_kinds()) {
      out[kind] = fetch_reply(loaded, loaded.whole("sonde_test_data{kind=\"" + kind + "\"}"));
    }
    out["mixed"] = fetch_reply(loaded, loaded.whole());
    return out;
  }();
  return kReplies;
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// Decodes the chunks of one frame into `out`; how many samples.
size_t decode_frame(std::span<const uint8_t> message, std::vector<Sample>& out) {
  size_t samples = 0;
  WireReader frame(message);
  for (WireField series; frame.next(series);) {
    if (series.number != 1) continue;
    WireReader parts(series.bytes);
    for (WireField part; parts.next(part);) {
      if (part.number != 2) continue;
      WireReader chunk(part.bytes);
      for (WireField field; chunk.next(field);) {
        if (field.number != 4) continue;
        const size_t count = xor_sample_count(field.bytes);
        if (!decode_xor_chunk(field.bytes, std::span(out).first(count))) std::abort();
        benchmark::DoNotOptimize(out.data());
        samples += count;
      }
    }
  }
  return samples;
}

void BM_FramesCrcXor(benchmark::State& state, const std::string& kind) {
  const auto found = replies().find(kind);
  if (found == replies().end() || found->second.empty()) {
    state.SkipWithError("no reply from Prometheus");
    return;
  }
  const std::string& reply = found->second;
  std::vector<Sample> out(65'535);
  size_t samples = 0;
  for (auto _ : state) {
    MemoryMeter meter(1ULL << 30);
    // The parser checks the CRC of each frame before it hands it over.
    FrameParser parser(meter, [&](const FrameBytes& frame) -> Outcome<void> {
      samples += decode_frame(frame.span(), out);
      return {};
    });
    if (!parser.take(bytes_of(reply)) || !parser.finish()) std::abort();
  }
  state.SetItemsProcessed(static_cast<int64_t>(samples));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * reply.size()));
}

/// All that a read does after the socket: verified once, decoded again series by series, sorted, clipped.
void BM_WholeReply(benchmark::State& state) {
  const auto found = replies().find("mixed");
  if (found == replies().end() || found->second.empty()) {
    state.SkipWithError("no reply from Prometheus");
    return;
  }
  const ReadQuery query{{parse_selector("sonde_test_data").value()}, 0, INT64_MAX / 2, 0};
  const SourceBudget budget;
  ReadStats stats;
  for (auto _ : state) {
    MemoryMeter meter(budget.memory_bytes);
    ChunkedReply reply(query, budget, meter);
    const auto sink = [](const LabelSet&, std::span<const Sample> samples) {
      benchmark::DoNotOptimize(samples.data());
    };
    if (!reply.take(bytes_of(found->second)) || !reply.finish(stats, sink)) std::abort();
  }
  state.SetItemsProcessed(static_cast<int64_t>(stats.samples));
}

void BM_Crc32c(benchmark::State& state) {
  const std::vector<uint8_t> bytes(static_cast<size_t>(state.range(0)), 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

[[maybe_unused]] const int kRegistered = [] {
  for (const std::string& kind : test::data_kinds()) {
    benchmark::RegisterBenchmark(("BM_FramesCrcXor/" + kind).c_str(),
                                 [kind](benchmark::State& state) { BM_FramesCrcXor(state, kind); });
  }
  benchmark::RegisterBenchmark("BM_FramesCrcXor/mixed",
                               [](benchmark::State& state) { BM_FramesCrcXor(state, "mixed"); });
  return 0;
}();
BENCHMARK(BM_WholeReply);
BENCHMARK(BM_Crc32c)->Arg(256)->Arg(5'000)->Arg(1'000'000);

}  // namespace
