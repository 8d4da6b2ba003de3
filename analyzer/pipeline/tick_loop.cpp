#include "analyzer/pipeline/tick_loop.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

#include "common/clock.h"
#include "common/log.h"

namespace sonde::analyzer {
namespace {

/// How often a tick looks again for a column that should be there, before it waits for the next one.
constexpr unsigned kLooksPerColumn = 8;
constexpr int64_t kShortestPauseMs = 50;

/// The reason where the source does not say which fault it was.
std::string reason_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
      return std::string(fault_name(FaultKind::kConnect));
    case ErrorCode::kTimeout:
      return std::string(fault_name(FaultKind::kTimeout));
    case ErrorCode::kInvalid:
      return std::string(fault_name(FaultKind::kMalformed));
    case ErrorCode::kLimit:
      return std::string(fault_name(FaultKind::kTooLarge));
    case ErrorCode::kPermission:
      return std::string(fault_name(FaultKind::kUnauthorized));
    case ErrorCode::kNotFound:
    case ErrorCode::kUnsupported:
      return std::string(fault_name(FaultKind::kRejected));
  }
  return std::string(fault_name(FaultKind::kMalformed));
}

/// The kind of fault that was counted since `before`, else by the error's code.
std::string reason_of(const Error& error, const SourceStatus& before, const SourceStatus& after) {
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (after.faults[kind] > before.faults[kind]) {
      return std::string(fault_name(static_cast<FaultKind>(kind)));
    }
  }
  return reason_of(error.code);
}

double seconds_since(SteadyTime start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

}  // namespace

std::vector<std::string> tick_failure_reasons() {
  std::vector<std::string> reasons;
  reasons.reserve(kFaultKinds);
  for (size_t kind = 0; kind < kFaultKinds; ++kind) {
    reasons.emplace_back(fault_name(static_cast<FaultKind>(kind)));
  }
  return reasons;
}

TickLoop::TickLoop(TickLoopOptions options, std::shared_ptr<const MetricMapper> mapper, Source& source,
                   ReportStore& store, HealthBoard& health)
    : options_(std::move(options)),
      mapper_(std::move(mapper)),
      source_(source),
      store_(store),
      health_(health),
      analysis_(options_.analysis, mapper_),
      visible_after_ms_(std::min<int64_t>(200, options_.interval_ms / 4)) {}

ReadQuery TickLoop::next_query(int64_t now_ms) const {
  // A sample carries the time at which its scrape began and can be read only when the scrape ended: two steps
  // are read again, and what is known already is passed over.
  const int64_t overlap = 2 * options_.analysis.step_ms;
  const int64_t oldest = now_ms - options_.history_ms;
  ReadQuery query;
  query.selectors = mapper_->selectors();
  query.start_ms = std::max(oldest, analysis_.newest_ms() - overlap);
  query.end_ms = now_ms;
  query.step_ms = options_.analysis.step_ms;
  return query;
}

TickLoop::Outcome TickLoop::failed(const Error& error, const SourceStatus& before, double seconds,
                                   int64_t now_ms) {
  const std::string reason = reason_of(error, before, source_.status());
  health_.tick_failed(seconds, reason, error.message);
  if (was_reading_) {
    log::warning("cannot read from Prometheus; the last report is kept until it is too old",
                 {{"reason", reason}, {"error", error.message}});
  }
  was_reading_ = false;
  looked_again_ = 0;
  return {.next_ms = now_ms + options_.interval_ms};
}

TickLoop::Outcome TickLoop::tick(int64_t now_ms) {
  const SteadyTime start = SteadyClock::now();
  const SourceStatus before = source_.status();
  const Result<ReadStats> read = source_.read(
      next_query(now_ms),
      [&](const LabelSet& labels, std::span<const Sample> samples) { analysis_.ingest(labels, samples); });
  if (!read) return failed(read.error(), before, seconds_since(start), now_ms);
  if (!was_reading_) log::info("reading from Prometheus again");
  was_reading_ = true;

  if (options_.models) analysis_.use_model(options_.models->current());
  std::optional<Report> report = analysis_.advance(now_ms, std::numeric_limits<int64_t>::max());
  const double seconds = seconds_since(start);
  tick_ms_ = static_cast<int64_t>(seconds * 1000);
  const bool published = report.has_value();
  if (published) {
    // How late the column could be read; the estimate follows quickly upwards and slowly down, so that a tick
    // is rarely in vain and never much too late.
    const int64_t lag = now_ms - report->time_ms;
    if (looked_again_ > 0) {
      visible_after_ms_ = std::min(std::max(visible_after_ms_, lag), options_.interval_ms / 2);
    } else {
      visible_after_ms_ = std::max<int64_t>(kShortestPauseMs, visible_after_ms_ - visible_after_ms_ / 32 - 1);
    }
    report->tick_seconds = seconds;
    report->series_read = read->series;
    report->samples_read = read->samples;
    if (report->classes) health_.classified(report->classes->abstained);
    store_.publish(std::make_shared<const Report>(std::move(*report)));
  }
  health_.tick_succeeded(seconds, read->series, read->samples, published, unix_seconds_now());
  return {.read = true, .published = published, .next_ms = next_tick(now_ms, published)};
}

int64_t TickLoop::next_tick(int64_t now_ms, bool published) {
  const int64_t due_ms = analysis_.next_due_ms();
  if (due_ms == 0) return now_ms + options_.interval_ms;  // nothing is known yet
  looked_again_ = published ? 0 : looked_again_ + 1;
  const int64_t expected = due_ms + visible_after_ms_;
  if (expected > now_ms) return std::min(expected, now_ms + options_.interval_ms);
  // Overdue: look again soon, but let a slow Prometheus breathe.
  const int64_t pause = std::max({kShortestPauseMs, 2 * tick_ms_, options_.interval_ms / 40});
  if (looked_again_ <= kLooksPerColumn) return now_ms + pause;
  return now_ms + options_.interval_ms;
}

void TickLoop::run(const std::stop_token& stop) {
  std::mutex wait_mutex;  // guards nothing: the wait is for the stop or the time
  std::condition_variable_any wake;
  while (!stop.stop_requested()) {
    const Outcome outcome = tick(unix_milliseconds_now());
    std::unique_lock lock(wait_mutex);
    const auto pause = std::chrono::milliseconds(
        std::clamp<int64_t>(outcome.next_ms - unix_milliseconds_now(), 0, options_.interval_ms));
    wake.wait_for(lock, stop, pause, [] { return false; });
  }
}

TickThread::TickThread(std::unique_ptr<TickLoop> loop)
    : loop_(std::move(loop)), thread_([this](const std::stop_token& stop) { loop_->run(stop); }) {}

}  // namespace sonde::analyzer
