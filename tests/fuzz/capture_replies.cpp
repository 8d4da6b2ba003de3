// Writes the seeds of the reply fuzzers: what Debian's Prometheus answers about small data of all kinds.
//
// usage: capture_replies CORPUS-FOLDER     (tests/fuzz/corpus; run again only to renew the seeds)

#include <httplib.h>
#include <snappy.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "analyzer/proto/remote_read.pb.h"
#include "analyzer/source/read_request.h"
#include "tests/analyzer_source/ten_kinds.h"
#include "tests/support/prometheus_server.h"

namespace {

using namespace sonde;
using analyzer::ReadMode;

constexpr int64_t kEndMs = 1'700'000'000'000;

void write_seed(const std::filesystem::path& folder, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << bytes;
}

std::string post(const test::PrometheusServer& server, const analyzer::HttpRequest& request) {
  httplib::Client client("127.0.0.1", server.port());
  client.set_decompress(false);
  httplib::Headers headers(request.headers.begin(), request.headers.end());
  const auto answer = client.Post(request.path, headers, request.body, request.content_type);
  return answer && answer->status == 200 ? answer->body : "";
}

/// The messages of a streamed reply, and their chunks as the protobuf library reads them.
void write_parts(const std::filesystem::path& corpus, std::string_view reply) {
  int messages = 0;
  int chunks = 0;
  while (!reply.empty()) {
    size_t length = 0;
    size_t at = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(reply[at++]);
      length |= static_cast<size_t>(byte & 0x7F) << shift;
      if (byte < 0x80) break;
    }
    at += 4;  // the checksum
    write_seed(corpus / "remote_read_message", "prometheus_" + std::to_string(messages++),
               reply.substr(at, length));
    prometheus::ChunkedReadResponse frame;
    if (!frame.ParseFromArray(reply.data() + at, static_cast<int>(length))) std::abort();
    for (const auto& series : frame.chunked_series()) {
      for (const auto& chunk : series.chunks()) {
        write_seed(corpus / "xor_chunk", "prometheus_" + std::to_string(chunks++), chunk.data());
      }
    }
    reply.remove_prefix(at + length);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: capture_replies CORPUS-FOLDER\n");
    return 2;
  }
  const std::filesystem::path corpus = argv[1];
  test::PrometheusServer server(
      {.config = "global:\n  external_labels: {a_first: '1', zone: z}\n", .flags = {}});
  const auto series = test::make_ten_kinds(1, 130, kEndMs);
  std::string error = server.error();
  if (error.empty()) error = server.write(series);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  const analyzer::ReadQuery query{{analyzer::parse_selector("sonde_test_data").value()}, 0, kEndMs, 0};
  const std::string chunks = post(server, make_read_request(query, ReadMode::kChunks));
  write_seed(corpus / "remote_read_frames", "prometheus_whole", std::string(1, '\0') + chunks);
  write_seed(corpus / "remote_read_frames", "prometheus_in_pieces", std::string(1, '\7') + chunks);
  write_parts(corpus, chunks);
  write_seed(corpus / "remote_read_samples", "prometheus_samples",
             post(server, make_read_request(query, ReadMode::kSamples)));
  const analyzer::HttpRequest range{"/api/v1/query_range",
                                    "application/x-www-form-urlencoded",
                                    "query=sonde_test_data&start=1699999000&end=1700000000&step=15",
                                    {}};
  write_seed(corpus / "query_range_json", "prometheus_matrix", post(server, range));
  return 0;
}
