#include "analyzer/source/remote_source.h"

#include <optional>
#include <utility>

#include "analyzer/source/chunked_reply.h"
#include "analyzer/source/query_range_reply.h"
#include "analyzer/source/read_request.h"
#include "analyzer/source/samples_reply.h"
#include "common/log.h"

namespace sonde::analyzer {
namespace {

/// A server may learn remote read by an upgrade, and a proxy may answer 404 for a while.
constexpr auto kFallbackHolds = std::chrono::minutes(5);

/// What servers without remote read answer (VictoriaMetrics: 400 "unsupported path requested").
bool lacks_remote_read(const Fault& fault) {
  return fault.http_status == 404 || fault.http_status == 405 ||
         (fault.http_status == 400 && fault.message.find("unsupported path") != std::string::npos);
}

int64_t nanoseconds(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// The reader for what the server says its body is; null where it is neither of the two.
std::unique_ptr<ReplyReader> reader_for(const HttpReplyHead& head, ReadMode mode, const ReadQuery& query,
                                        const SourceBudget& budget, MemoryMeter& meter) {
  const bool chunks = head.content_type.starts_with("application/x-streamed-protobuf");
  if (chunks && mode == ReadMode::kChunks && head.content_encoding.empty()) {
    return std::make_unique<ChunkedReply>(query, budget, meter);
  }
  if (head.content_type.starts_with("application/x-protobuf") && head.content_encoding == "snappy") {
    return std::make_unique<SamplesReply>(query, budget, meter);
  }
  return nullptr;
}

tl::unexpected<Fault> wrong_type(const HttpReplyHead& head) {
  return fault(FaultKind::kContentType, "the reply is of type '" + head.content_type + "', encoding '" +
                                            head.content_encoding + "', which was not asked for");
}

}  // namespace

Result<ReadStats> RemoteSource::read(const ReadQuery& query, const SeriesSink& sink) {
  if (query.selectors.empty()) return fail(ErrorCode::kInvalid, "a read needs at least one selector");
  if (query.end_ms < query.start_ms) return fail(ErrorCode::kInvalid, "a read's end lies before its start");
  const SteadyTime begin = SteadyClock::now();
  const Attempt attempt{query, sink, begin + options_.budget.timeout};
  Outcome<ReadStats> outcome = fault(FaultKind::kBusy, "all " + std::to_string(options_.concurrent_reads) +
                                                           " places for reads were taken until the deadline");
  if (enter(attempt.deadline)) {
    const std::unique_ptr<RemoteSource, void (*)(RemoteSource*)> place(this,
                                                                       [](RemoteSource* s) { s->leave(); });
    outcome = read_in_any_mode(attempt);
  }
  ++reads_;
  if (!outcome) {
    ++faults_[static_cast<size_t>(outcome.error().kind)];
    return tl::unexpected(to_error(outcome.error()));
  }
  outcome->seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  return *outcome;
}

Outcome<ReadStats> RemoteSource::read_in_any_mode(const Attempt& attempt) {
  if (options_.mode == ReadMode::kQueryRange) return query_range(attempt);
  if (options_.mode != ReadMode::kAuto) return remote_read(attempt, options_.mode);
  if (fallback_holds()) return query_range(attempt);
  Outcome<ReadStats> outcome = remote_read(attempt, automatic_mode(attempt.query));
  if (outcome || !lacks_remote_read(outcome.error())) return outcome;
  Outcome<ReadStats> instead = query_range(attempt);
  if (!instead) return outcome;  // not the server's lack of remote read, then: a wrong URL, most likely
  note_fallback();
  return instead;
}

ReadMode RemoteSource::automatic_mode(const ReadQuery& query) const {
  const std::chrono::milliseconds window(query.end_ms - query.start_ms);
  return window < options_.chunks_from ? ReadMode::kSamples : ReadMode::kChunks;
}

Outcome<ReadStats> RemoteSource::remote_read(const Attempt& attempt, ReadMode mode) {
  MemoryMeter meter(options_.budget.memory_bytes);
  ReadStats stats;
  std::unique_ptr<ReplyReader> reader;
  const auto take_head = [&](const HttpReplyHead& head) -> Outcome<void> {
    reader = reader_for(head, mode, attempt.query, options_.budget, meter);
    if (reader == nullptr) return wrong_type(head);
    return {};
  };
  const auto take_body = [&](std::span<const uint8_t> bytes) {
    stats.bytes += bytes.size();
    return reader->take(bytes);
  };
  Outcome<void> received =
      client_.post(make_read_request(attempt.query, mode), attempt.deadline, take_head, take_body);
  if (received) received = reader->finish(stats, attempt.sink);
  if (!received) return tl::unexpected(received.error());
  return stats;
}

Outcome<ReadStats> RemoteSource::query_range(const Attempt& attempt) {
  MemoryMeter meter(options_.budget.memory_bytes);
  ReadStats stats;
  const ReadQuery& query = attempt.query;
  QueryRangeReply reply(query, options_.budget, meter);
  const int64_t step_ms = query.step_ms > 0 ? query.step_ms : options_.query_range_step.count();
  const auto take_head = [](const HttpReplyHead& head) -> Outcome<void> {
    if (head.content_type.starts_with("application/json") && head.content_encoding.empty()) return {};
    return wrong_type(head);
  };
  for (size_t selector = 0; selector < query.selectors.size(); ++selector) {
    for (const HttpRequest& request :
         make_query_range_requests(query.selectors[selector], query.start_ms, query.end_ms, step_ms)) {
      BlockBuffer json(meter);
      const auto take_body = [&](std::span<const uint8_t> bytes) -> Outcome<void> {
        stats.bytes += bytes.size();
        if (json.append(bytes)) return {};
        return fault(FaultKind::kTooLarge, "the answer exceeds the budget of " +
                                               std::to_string(meter.limit_bytes()) +
                                               " bytes of memory for one read");
      };
      Outcome<void> done = client_.post(request, attempt.deadline, take_head, take_body);
      if (done) done = reply.take_answer(json, selector);
      if (!done) return tl::unexpected(done.error());
    }
  }
  if (Outcome<void> done = reply.finish(stats, attempt.sink); !done) return tl::unexpected(done.error());
  return stats;
}

bool RemoteSource::fallback_holds() const {
  return nanoseconds(SteadyClock::now()) < fallback_until_.load();
}

void RemoteSource::note_fallback() {
  const bool first = fallback_until_.exchange(nanoseconds(SteadyClock::now() + kFallbackHolds)) == 0;
  if (first) {
    log::warning("the server has no remote read, query_range is used instead: values come on a grid",
                 {{"url", options_.url}});
  }
}

bool RemoteSource::enter(SteadyTime deadline) {
  std::unique_lock lock(places_mutex_);
  if (!place_free_.wait_until(lock, deadline, [this] { return in_flight_ < options_.concurrent_reads; })) {
    return false;
  }
  ++in_flight_;
  return true;
}

void RemoteSource::leave() {
  {
    const std::lock_guard lock(places_mutex_);
    --in_flight_;
  }
  place_free_.notify_one();
}

SourceStatus RemoteSource::status() const {
  SourceStatus status;
  status.reads = reads_.load();
  for (size_t i = 0; i < kFaultKinds; ++i) status.faults[i] = faults_[i].load();
  status.query_range_fallback = options_.mode == ReadMode::kQueryRange || fallback_holds();
  const std::lock_guard lock(places_mutex_);
  status.reads_in_flight = in_flight_;
  return status;
}

Result<ReadMode> parse_read_mode(std::string_view word) {
  if (word == "auto") return ReadMode::kAuto;
  if (word == "samples") return ReadMode::kSamples;
  if (word == "chunks") return ReadMode::kChunks;
  if (word == "query_range") return ReadMode::kQueryRange;
  return fail(ErrorCode::kInvalid,
              "read mode '" + std::string(word) + "' is none of auto, samples, chunks, query_range");
}

Result<std::unique_ptr<Source>> make_remote_source(SourceOptions options) {
  Result<HttpClient> client = HttpClient::make(options);
  if (!client) return tl::unexpected(client.error());
  const SourceBudget& budget = options.budget;
  if (budget.timeout.count() <= 0 || budget.memory_bytes == 0 || budget.samples == 0 || budget.series == 0) {
    return fail(ErrorCode::kInvalid, "timeout and budgets of a read must be above 0");
  }
  if (options.concurrent_reads == 0) return fail(ErrorCode::kInvalid, "concurrent_reads must be at least 1");
  if (options.query_range_step.count() <= 0) {
    return fail(ErrorCode::kInvalid, "query_range_step must be above 0");
  }
  return std::make_unique<RemoteSource>(std::move(options), std::move(*client));
}

}  // namespace sonde::analyzer
