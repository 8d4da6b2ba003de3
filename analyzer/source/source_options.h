#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

/// How samples are fetched.
enum class ReadMode {
  kAuto,       ///< by the window's length; query_range where the server has no remote read
  kSamples,    ///< remote read, one Snappy block
  kChunks,     ///< remote read, streamed XOR chunks
  kQueryRange  ///< /api/v1/query_range: values on a grid, without staleness markers and NaN payloads
};

/// "auto", "samples", "chunks", "query_range". Errors: kInvalid, naming the words allowed.
Result<ReadMode> parse_read_mode(std::string_view word);

/// Who we are to the server. Files are read again at each read, so that secrets can be rotated; their
/// trailing newline is dropped.
struct SourceAuth {
  std::string username = {};  ///< basic auth, with password or password_file
  std::string password = {};
  std::string password_file = {};
  std::string bearer_token = {};
  std::string bearer_token_file = {};
  std::string tenant = {};  ///< sent as X-Scope-OrgID (Mimir, Cortex)
};

/// TLS of an https:// URL; never below 1.2.
struct SourceTls {
  std::string ca_file = {};    ///< PEM; empty: the system's authorities
  std::string cert_file = {};  ///< client certificate, PEM; with key_file
  std::string key_file = {};
  bool insecure_skip_verify = false;
};

/// Bounds of one read; what exceeds one fails whole, as kLimit, and nothing of it is used.
struct SourceBudget {
  std::chrono::milliseconds timeout{30'000};  ///< from the call to the last byte
  /// Unit: bytes. All that a read holds at once beyond what the sink keeps: the reply, its index, one
  /// decoded series.
  uint64_t memory_bytes = 56ULL << 20;
  uint64_t samples = 50'000'000;
  uint64_t series = 200'000;
};

struct SourceOptions {
  /// http:// or https://, host, port, optional path prefix ("https://mimir.example:8080/prometheus").
  /// Credentials do not belong into it.
  std::string url = "http://127.0.0.1:9090";
  ReadMode mode = ReadMode::kAuto;
  SourceAuth auth;
  SourceTls tls;
  SourceBudget budget;
  /// kAuto reads shorter windows as SAMPLES: there chunks cost more, as labels travel uncompressed and partly
  /// covered chunks are encoded anew.
  std::chrono::milliseconds chunks_from{600'000};
  /// Grid of query_range where the query names none.
  std::chrono::milliseconds query_range_step{15'000};
  unsigned concurrent_reads = 2;  ///< more calls wait for a place, until their timeout
};

/// A Prometheus, or what speaks its remote-read protocol or at least query_range (Mimir, VictoriaMetrics).
/// Does not connect yet. Errors: kInvalid for an option that cannot be right (URL, two kinds of credentials,
/// a certificate without key …): the message begins with the option as the configuration's section
/// `prometheus` names it ("url=…", "tls.key_file: …"), then the remedy; secrets never show.
Result<std::unique_ptr<Source>> make_remote_source(SourceOptions options);

}  // namespace sonde::analyzer
