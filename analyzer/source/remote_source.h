#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "analyzer/source/http_client.h"
#include "analyzer/source/memory_meter.h"
#include "analyzer/source/source.h"
#include "analyzer/source/source_options.h"

namespace sonde::analyzer {

/// The Source behind make_remote_source().
///
/// Threads: safe; at most `concurrent_reads` reads run, later ones wait for a place until their timeout.
class RemoteSource : public Source {
 public:
  RemoteSource(SourceOptions options, HttpClient client)
      : options_(std::move(options)), client_(std::move(client)) {}

  Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) override;
  [[nodiscard]] SourceStatus status() const override;

 private:
  /// What each step of one read needs.
  struct Attempt {
    const ReadQuery& query;
    const SeriesSink& sink;
    SteadyTime deadline;
  };

  Outcome<ReadStats> read_in_any_mode(const Attempt& attempt);
  Outcome<ReadStats> remote_read(const Attempt& attempt, ReadMode mode);
  Outcome<ReadStats> query_range(const Attempt& attempt);
  /// The mode that kAuto means for this window.
  [[nodiscard]] ReadMode automatic_mode(const ReadQuery& query) const;
  /// Whether the server lately turned out to have no remote read.
  [[nodiscard]] bool fallback_holds() const;
  void note_fallback();

  bool enter(SteadyTime deadline);
  void leave();

  const SourceOptions options_;
  const HttpClient client_;

  mutable std::mutex places_mutex_;  ///< guards in_flight_
  std::condition_variable place_free_;
  unsigned in_flight_ = 0;

  std::atomic<uint64_t> reads_ = 0;
  std::array<std::atomic<uint64_t>, kFaultKinds> faults_{};
  /// Until when query_range is used without asking for remote read again; steady nanoseconds, 0 for never.
  std::atomic<int64_t> fallback_until_ = 0;
};

}  // namespace sonde::analyzer
