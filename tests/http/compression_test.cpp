#include "common/http/compression.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>

namespace sonde::http {
namespace {

/// What zlib's own reader makes of it; "" if it is not one whole gzip member.
std::string gunzip(const std::string& compressed, size_t expected_size) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string out(expected_size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&stream, Z_FINISH);
  const bool whole = end == Z_STREAM_END && stream.avail_in == 0;
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return whole ? out : "";
}

TEST(Gzip, DecompressesToTheSame) {
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += "sonde_x{pod=\"api-" + std::to_string(i) + "\"} " + std::to_string(i * 7) + "\n";
  const std::string compressed = gzip(text);
  EXPECT_LT(compressed.size(), text.size() / 4);
  EXPECT_EQ(gunzip(compressed, text.size()), text);
}

TEST(Gzip, BytesThatDoNotShrinkAndNoBytesAtAllSurvive) {
  std::mt19937 random(23);
  std::string noise(100000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  EXPECT_EQ(gunzip(gzip(noise), noise.size()), noise);
  EXPECT_EQ(gunzip(gzip("x"), 1), "x");
  EXPECT_FALSE(gzip("").empty());
}

TEST(AcceptsGzip, FollowsTheHeadersWords) {
  for (const char* yes : {"gzip", "GZIP", "x-gzip", "deflate, gzip", "br;q=1.0, gzip;q=0.8", "gzip ; q=0.001",
                          "*", "identity, *;q=0.5", "gzip;foo=1"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzipped",
                         "gzi", ",;,", "gzip;q=x", "gzip;q="}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

}  // namespace
}  // namespace sonde::http
