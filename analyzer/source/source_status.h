#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sonde::analyzer {

/// Every way in which a read can fail; a closed list, so that it can be a label of a metric.
enum class FaultKind {
  kConnect,       ///< no connection, or it broke before an answer
  kTimeout,       ///< the deadline of a read passed
  kTls,           ///< handshake or certificate
  kUnauthorized,  ///< 401 or 403
  kRejected,      ///< another 4xx: the server understood and refuses
  kSampleLimit,   ///< the server's own limit on samples (read-sample-limit, query.max-samples)
  kServerError,   ///< 5xx, or an error text after a good beginning
  kRedirect,      ///< 3xx: never followed, credentials stay where they were meant for
  kContentType,   ///< an answer of another type or encoding than asked for
  kTruncated,     ///< the answer ended early, or its end cannot be seen
  kChecksum,      ///< CRC-32C of a frame
  kMalformed,     ///< bytes that the format does not allow
  kTooLarge,      ///< past our own budget of bytes, samples or series
  kBusy,          ///< both places for reads were taken until the deadline
};
inline constexpr size_t kFaultKinds = 14;

/// The kind in snake_case, for logs and metric labels: "sample_limit".
std::string_view fault_name(FaultKind kind);

/// What a source has done since it was made.
struct SourceStatus {
  uint64_t reads = 0;                          ///< finished, well or badly
  std::array<uint64_t, kFaultKinds> faults{};  ///< failed reads, by FaultKind
  unsigned reads_in_flight = 0;
  bool query_range_fallback = false;  ///< the server has no remote read, so query_range is used

  [[nodiscard]] uint64_t fault_count(FaultKind kind) const { return faults[static_cast<size_t>(kind)]; }
};

}  // namespace sonde::analyzer
