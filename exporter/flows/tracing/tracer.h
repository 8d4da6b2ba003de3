#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/container_table.h"
#include "exporter/flows/flow_interfaces.h"
#include "exporter/flows/tracing/trace_metrics.h"
#include "exporter/flows/tracing/trace_report.h"

namespace sonde::exporter {

struct TracerOptions {
  TraceLimits limits{};
  size_t kept_traces = 8;  ///< further ones replace the oldest
  std::string procfs = "/proc";
  NamedNetworks networks{};  ///< of ends that are no container of this node, as --flows.networks
  std::function<std::shared_ptr<const ContainerTable>()> containers{};
  /// The addresses of this node's containers; may be empty: then ends of traced connections alone have names.
  std::function<std::vector<ContainerAddresses>()> addresses{};
};

/// Makes traces, one at a time, and keeps the latest. Programs are loaded and attached while one runs, and
/// only then. Threads: safe.
class Tracer {
 public:
  /// Loads nothing. `context` outlives the tracer.
  Tracer(BpfContext& context, TracerOptions options);
  /// Ends the trace that runs.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// Whether the kernel takes the programs: loads and unloads them, for the capability table.
  Result<void> probe();

  /// Begins a trace; returns its number at once. Errors: kLimit where one runs already; those of
  /// spaces_of_container(), TracePrograms::load() and attach().
  Result<uint64_t> start(const TraceRequest& request, TraceCause cause);

  /// The finished ones, the latest first.
  [[nodiscard]] std::vector<std::shared_ptr<const TraceReport>> reports() const;
  /// One of them; null where there is none of that number (any more, or yet).
  [[nodiscard]] std::shared_ptr<const TraceReport> report(uint64_t id) const;
  /// The number of the trace that runs; 0: none.
  [[nodiscard]] uint64_t running() const;

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  struct Session;

  Result<std::unique_ptr<TracePrograms>> prepare(const TraceRequest& request);
  void run(const std::stop_token& stop, Session& session);
  void analyse(TraceReport& report) const;
  void publish(std::shared_ptr<const TraceReport> report);

  BpfContext& context_;
  const TracerOptions options_;

  std::mutex starting_;       ///< held by start() and probe(): programs are loaded by one at a time
  mutable std::mutex mutex_;  ///< guards all below but thread_
  uint64_t last_id_ = 0;
  uint64_t running_ = 0;
  std::deque<std::shared_ptr<const TraceReport>> reports_;  ///< the latest first
  TraceMetrics metrics_;

  std::unique_ptr<Session> session_;  ///< the thread's; replaced by start() when it has ended
  std::jthread thread_;               ///< last: the rest exists until it has ended
};

}  // namespace sonde::exporter
