#include "exporter/flows/tracing/tracer.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/clock.h"
#include "common/log.h"
#include "exporter/flows/tracing/trace_targets.h"

namespace sonde::exporter {
namespace {

/// How long the end of the program waits for a running trace.
constexpr int kPollMs = 50;

/// As the kernel's bpf_ktime_get_ns() counts.
uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

trace_rule rule_of(const TraceRequest& request) {
  trace_rule rule{};
  if (request.remote) {
    rule.remote = request.remote->address;
    rule.remote_port = request.remote->port;
  }
  return rule;
}

}  // namespace

/// A trace that runs.
struct Tracer::Session {
  std::unique_ptr<TracePrograms> programs;
  std::shared_ptr<TraceReport> report;
};

Tracer::Tracer(BpfContext& context, TracerOptions options)
    : context_(context), options_(std::move(options)), metrics_(options_.networks) {}

Tracer::~Tracer() = default;

Result<void> Tracer::probe() {
  const std::lock_guard one(starting_);
  auto programs = TracePrograms::load(context_, options_.limits);
  if (!programs) return tl::unexpected(programs.error());
  context_.capabilities().set("packet_trace", CapabilityReason::kAvailable);
  return {};
}

Result<std::unique_ptr<TracePrograms>> Tracer::prepare(const TraceRequest& request) {
  std::vector<uint32_t> spaces;
  if (request.space) {
    spaces.push_back(*request.space);
  } else if (!request.flow) {
    auto found = spaces_of_container(*options_.containers(), options_.procfs, request.container);
    if (!found) return tl::unexpected(found.error());
    spaces = std::move(*found);
  }
  auto programs = TracePrograms::load(context_, options_.limits);
  if (!programs) return tl::unexpected(programs.error());
  if (request.flow) {
    if (auto added = (*programs)->add_flow(*request.flow); !added) return tl::unexpected(added.error());
  }
  for (const uint32_t space : spaces) {
    if (auto added = (*programs)->add_rule(space, rule_of(request)); !added)
      return tl::unexpected(added.error());
  }
  if (auto attached = (*programs)->attach(); !attached) return tl::unexpected(attached.error());
  return programs;
}

Result<uint64_t> Tracer::start(const TraceRequest& request, TraceCause cause) {
  const std::lock_guard one(starting_);
  if (const uint64_t id = running(); id != 0) {
    return fail(ErrorCode::kLimit,
                fmt::format("trace {} runs, and one runs at a time; try again when it has ended", id));
  }
  if (thread_.joinable()) thread_.join();  // it has published already
  auto programs = prepare(request);
  if (!programs) return tl::unexpected(programs.error());
  auto session = std::make_unique<Session>();
  session->programs = std::move(*programs);
  session->report = std::make_shared<TraceReport>();
  TraceReport& report = *session->report;
  report.cause = cause;
  report.request = request;
  report.started_seconds = unix_seconds_now();
  report.begin_ns = monotonic_ns();
  {
    const std::lock_guard lock(mutex_);
    report.id = running_ = ++last_id_;
  }
  const uint64_t id = report.id;
  log::info("trace begins", {{"id", id},
                             {"cause", std::string(trace_cause_word(cause))},
                             {"duration_ms", request.duration.count()}});
  session_ = std::move(session);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop, *session_); });
  return id;
}

void Tracer::run(const std::stop_token& stop, Session& session) {
  TraceReport& report = *session.report;
  const uint64_t deadline =
      report.begin_ns + static_cast<uint64_t>(std::chrono::nanoseconds(report.request.duration).count());
  const auto keep = [&](const trace_event& event) {
    if (report.events.size() < options_.limits.events) report.events.push_back(event);
  };
  const auto ending = [&]() -> TraceEnding {
    while (true) {
      const uint64_t now = monotonic_ns();
      if (now >= deadline) return TraceEnding::kTime;
      if (stop.stop_requested()) return TraceEnding::kStopped;
      if (report.events.size() >= options_.limits.events) return TraceEnding::kEvents;
      const auto left = static_cast<int>((deadline - now) / 1'000'000 + 1);
      if (!session.programs->read(std::min(left, kPollMs), keep)) return TraceEnding::kUnreadable;
    }
  };
  report.ending = ending();
  session.programs->detach();
  report.end_ns = monotonic_ns();
  if (report.ending != TraceEnding::kUnreadable) (void)session.programs->read(0, keep);
  report.counts = session.programs->counts();
  session.programs.reset();
  analyse(report);
  publish(std::move(session.report));
}

void Tracer::analyse(TraceReport& report) const {
  const auto& tallies = report.counts.tallies;
  const bool gaps = tallies[SONDE_TRACE_OVER_BUDGET] != 0 || tallies[SONDE_TRACE_RING_FULL] != 0 ||
                    report.ending == TraceEnding::kEvents;
  report.directions = pair_events({.events = report.events, .end_ns = report.end_ns, .gaps = gaps});
  report.pairs = judge_pairs(report.directions, report.counts.flows);

  const auto table = options_.containers();
  report.spaces = containers_by_space(*table, options_.procfs);
  TraceNames names;
  names.of_space = [&](uint32_t space) -> std::optional<identity::ContainerName> {
    const auto found = report.spaces.find(space);
    if (found == report.spaces.end()) return std::nullopt;
    return found->second;
  };
  names.of_cgroup = [&](uint64_t cgroup) -> std::optional<identity::ContainerName> {
    const auto owner = table->find(context_.task_hierarchy(), cgroup);
    if (!owner || *owner == ContainerTable::kUndecided) return std::nullopt;
    const size_t living = table->containers().size();
    return *owner < living ? table->containers()[*owner].name : table->ended()[*owner - living].name;
  };
  const auto addresses = options_.addresses ? options_.addresses() : std::vector<ContainerAddresses>{};
  // An address is known by the sockets that use it, else as a container's; others' are shown as they are.
  names.of_address = [&, by_address = containers_by_address(report.spaces, addresses)](
                         const flow_address& address) -> std::optional<identity::ContainerName> {
    for (const PairDelay& pair : report.pairs) {
      if (same_address(address, pair.sender)) return names.of_space(pair.there.sender_space);
      if (same_address(address, pair.receiver)) return names.of_space(pair.there.receiver_space);
    }
    const auto found = by_address.find(address);
    return found == by_address.end() ? std::nullopt : found->second;
  };
  report.contention = find_culprits(report.counts, names);
}

void Tracer::publish(std::shared_ptr<const TraceReport> report) {
  log::info("trace has ended", {{"id", report->id},
                                {"ended_by", std::string(trace_ending_word(report->ending))},
                                {"events", report->events.size()},
                                {"pairs", report->pairs.size()}});
  const std::lock_guard lock(mutex_);
  metrics_.add(*report);
  reports_.push_front(std::move(report));
  if (reports_.size() > options_.kept_traces) reports_.pop_back();
  running_ = 0;
}

std::vector<std::shared_ptr<const TraceReport>> Tracer::reports() const {
  const std::lock_guard lock(mutex_);
  return {reports_.begin(), reports_.end()};
}

std::shared_ptr<const TraceReport> Tracer::report(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  for (const auto& report : reports_) {
    if (report->id == id) return report;
  }
  return nullptr;
}

uint64_t Tracer::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

void Tracer::write(metrics::SeriesWriter& writer) const {
  const std::lock_guard lock(mutex_);
  metrics_.write(running_ != 0, unix_seconds_now(), writer);
}

std::span<const metrics::MetricRow> Tracer::metrics() {
  return TraceMetrics::metrics();
}

}  // namespace sonde::exporter
