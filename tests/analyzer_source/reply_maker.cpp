#include "tests/analyzer_source/reply_maker.h"

#include <snappy.h>

#include <span>

#include "analyzer/proto/remote_read.pb.h"
#include "analyzer/source/crc32c.h"

namespace sonde::test {
namespace {

template <class Message>
void add_label(Message& series, std::string_view name, std::string_view value) {
  prometheus::Label& label = *series.add_labels();
  // Bytes of a test need not be UTF-8.
  label.mutable_name()->assign(name);
  label.mutable_value()->assign(value);
}

/// Two samples, (1 s, 1) and (2 s, 2), written out by hand from the format's description: count 2; varint
/// 1000; the bits of 1.0; uvarint 1000; then "11", 1 leading zero, 11 significant bits: 1.0 XOR 2.0 is 0x7ff
/// << 52.
std::string two_samples() {
  std::string chunk("\x00\x02\xd0\x0f\x3f\xf0\x00\x00\x00\x00\x00\x00\xe8\x07", 14);
  // 11 00001 001011 11111111111 → 1100 0010 0101 1111 1111 1111
  chunk += "\xc2\x5f\xff";
  return chunk;
}

}  // namespace

std::string frame(std::string_view message) {
  std::string out;
  size_t length = message.size();
  for (; length >= 0x80; length >>= 7) out += static_cast<char>(length | 0x80);
  out += static_cast<char>(length);
  const uint32_t checksum =
      analyzer::crc32c({reinterpret_cast<const uint8_t*>(message.data()), message.size()});
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(checksum >> shift);
  return out.append(message);
}

std::string chunked_series(std::string_view job, std::string_view metric, std::string_view chunk) {
  prometheus::ChunkedReadResponse response;
  prometheus::ChunkedSeries& series = *response.add_chunked_series();
  add_label(series, "__name__", metric);
  add_label(series, "job", job);
  prometheus::Chunk& one = *series.add_chunks();
  one.set_type(prometheus::Chunk::XOR);
  one.set_data(chunk.empty() ? two_samples() : std::string(chunk));
  return response.SerializeAsString();
}

std::string series_with_labels(int count) {
  prometheus::ChunkedReadResponse response;
  prometheus::ChunkedSeries& series = *response.add_chunked_series();
  add_label(series, "__name__", "up");
  for (int i = 0; i < count; ++i) add_label(series, "label_" + std::to_string(i), "x");
  prometheus::Chunk& one = *series.add_chunks();
  one.set_type(prometheus::Chunk::XOR);
  one.set_data(two_samples());
  return response.SerializeAsString();
}

std::string series_with_encoding(std::string_view job, int encoding) {
  prometheus::ChunkedReadResponse response;
  response.ParseFromString(chunked_series(job));
  prometheus::Chunk& other = *response.mutable_chunked_series(0)->add_chunks();
  other.set_type(static_cast<prometheus::Chunk::Encoding>(encoding));
  other.set_data("anything at all");
  return response.SerializeAsString();
}

std::string lying_chunk() {
  std::string chunk = two_samples();
  chunk[0] = chunk[1] = '\xff';
  return chunk;
}

std::string samples_body(const std::vector<std::string>& jobs, std::string_view metric) {
  prometheus::ReadResponse response;
  prometheus::QueryResult& result = *response.add_results();
  for (const std::string& job : jobs) {
    prometheus::TimeSeries& series = *result.add_timeseries();
    add_label(series, "__name__", metric);
    add_label(series, "job", job);
    for (int i = 1; i <= 2; ++i) {
      prometheus::Sample& sample = *series.add_samples();
      sample.set_timestamp(1000 * i);
      sample.set_value(i);
    }
  }
  return snappy(response.SerializeAsString());
}

std::string snappy(std::string_view bytes) {
  std::string out;
  ::snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

std::string snappy_of_zeros(size_t count) {
  return snappy(std::string(count, '\0'));
}

}  // namespace sonde::test
