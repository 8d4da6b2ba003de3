#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "exporter/flows/tracing/culprits.h"
#include "exporter/flows/tracing/pairing.h"
#include "exporter/flows/tracing/trace_programs.h"
#include "exporter/flows/tracing/trace_request.h"
#include "exporter/flows/tracing/verdict.h"

namespace sonde::exporter {

/// Why a trace was made.
enum class TraceCause { kRequest, kTrigger };
inline constexpr size_t kTraceCauseCount = 2;
/// "request" or "trigger", the label `cause`.
std::string_view trace_cause_word(TraceCause cause);

/// Why it ended.
enum class TraceEnding { kTime, kEvents, kStopped, kUnreadable };
/// "time", "events" (as many as one may hold), "stopped" (the exporter ends), "unreadable" (the ring buffer).
std::string_view trace_ending_word(TraceEnding ending);

/// A finished trace. Immutable.
struct TraceReport {
  uint64_t id = 0;
  TraceCause cause = TraceCause::kRequest;
  TraceRequest request{};
  double started_seconds = 0;  ///< Unix time
  uint64_t begin_ns = 0;       ///< CLOCK_MONOTONIC
  uint64_t end_ns = 0;
  TraceEnding ending = TraceEnding::kTime;
  std::vector<trace_event> events{};
  TraceCounts counts{};
  std::vector<TracedDirection> directions{};
  std::vector<PairDelay> pairs{};
  std::vector<Contention> contention{};
  std::map<uint32_t, identity::ContainerName> spaces{};  ///< the containers of the network namespaces seen
};

/// "queue", of enum trace_layer.
std::string_view trace_layer_word(unsigned layer);

/// The report as a JSON object: request, counts, pairs with shares and stages, flows, culprits, threads.
std::string trace_json(const TraceReport& report);
/// The report in the Trace Event Format that Chrome's and Perfetto's viewers open: each unit's stages one
/// after another, each event on its CPU, each thread's waits.
std::string trace_chrome_json(const TraceReport& report);
/// {"traces": [...]}: each one's request, counts and verdict on its slowest pair.
std::string trace_list_json(std::span<const std::shared_ptr<const TraceReport>> reports);

}  // namespace sonde::exporter
