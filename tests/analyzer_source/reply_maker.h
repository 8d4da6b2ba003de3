#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sonde::test {

/// A frame of the streamed reply around a message, with its checksum.
std::string frame(std::string_view message);

/// A ChunkedReadResponse with one series {__name__=metric, job=…} and one chunk, by the protobuf library.
/// An empty `chunk` stands for one that Prometheus encoded, with 2 samples at 1 s and 2 s.
std::string chunked_series(std::string_view job, std::string_view metric = "up", std::string_view chunk = "");

/// The same with this many labels besides, and with a chunk of this encoding.
std::string series_with_labels(int count);
std::string series_with_encoding(std::string_view job, int encoding);

/// A chunk that claims 65,535 samples and holds two.
std::string lying_chunk();

/// The body of a SAMPLES reply: a series of each job with the samples 1 at 1 s, 2 at 2 s.
std::string samples_body(const std::vector<std::string>& jobs, std::string_view metric = "up");

/// A Snappy block of any bytes, and of many zeros.
std::string snappy(std::string_view bytes);
std::string snappy_of_zeros(size_t count);

}  // namespace sonde::test
