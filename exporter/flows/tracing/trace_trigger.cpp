#include "exporter/flows/tracing/trace_trigger.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "common/log.h"
#include "exporter/flows/tracing/trace_targets.h"

namespace sonde::exporter {
namespace {

/// How soon an interface that appeared is judged, and the end of the program is noticed.
constexpr std::chrono::milliseconds kThresholdsEvery{2000};
constexpr int kPollMs = 200;

constexpr std::array<metrics::MetricRow, 1> kTriggerMetrics{{
    {.name = "sonde_trace_alerts_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "outcome",
     .help =
         "Alerts of slow connections that the kernel sent: traced, or not since the last trace of an alert "
         "began too recently (too_soon), another one ran (busy) or it could not begin (failed)."},
}};
constexpr std::array<std::string_view, 4> kOutcomeWords{"traced", "too_soon", "busy", "failed"};

bool same_threshold(const flow_threshold& one, const flow_threshold& other) {
  return std::memcmp(&one, &other, sizeof one) == 0;  // no padding
}

}  // namespace

TraceTrigger::TraceTrigger(FlowPrograms& programs, Tracer& tracer, TriggerOptions options,
                           std::unique_ptr<FlowAlerts> alerts)
    : programs_(programs), tracer_(tracer), options_(std::move(options)), alerts_(std::move(alerts)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

TraceTrigger::~TraceTrigger() = default;

Result<std::unique_ptr<TraceTrigger>> TraceTrigger::start(FlowPrograms& programs, Tracer& tracer,
                                                          TriggerOptions options) {
  auto alerts = FlowAlerts::open(programs);
  if (!alerts) return tl::unexpected(alerts.error());
  return std::unique_ptr<TraceTrigger>(
      new TraceTrigger(programs, tracer, std::move(options), std::move(*alerts)));
}

void TraceTrigger::run(const std::stop_token& stop) {
  SteadyTime next = SteadyTime::min();
  while (!stop.stop_requested()) {
    if (const SteadyTime now = SteadyClock::now(); now >= next) {
      set_thresholds();
      next = now + kThresholdsEvery;
    }
    pollfd waiting{.fd = alerts_->descriptor(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPollMs) <= 0) continue;
    if (const auto taken = alerts_->poll([this](const flow_alert& alert) { take(alert); }); !taken) {
      log::error("alerts of slow connections cannot be read any more", {{"reason", taken.error().message}});
      return;
    }
  }
}

void TraceTrigger::set_thresholds() {
  const auto names = containers_by_space(*options_.containers(), options_.procfs);
  std::set<std::pair<uint32_t, uint32_t>> there;
  for (const FlowInterface& interface : options_.interfaces()) {
    const auto name = names.find(static_cast<uint32_t>(interface.network_namespace));
    if (interface.network_namespace == 0 || name == names.end()) continue;
    const flow_threshold threshold = threshold_of(options_.rules, name->second.service);
    if (threshold.absolute_ns == 0 && threshold.relative_percent == 0) continue;
    const std::pair key(interface.space, interface.index);
    there.insert(key);
    if (const auto told = told_.find(key); told != told_.end() && same_threshold(told->second, threshold))
      continue;
    if (const auto set = programs_.set_threshold({.space = key.first, .interface = key.second}, threshold);
        set) {
      told_.insert_or_assign(key, threshold);
    } else {
      log::warning("connections of an interface do not begin traces",
                   {{"interface", interface.name}, {"reason", set.error().message}});
    }
  }
  for (auto told = told_.begin(); told != told_.end();) {
    if (there.contains(told->first)) {
      ++told;
      continue;
    }
    programs_.remove_threshold({.space = told->first.first, .interface = told->first.second});
    told = told_.erase(told);
  }
}

void TraceTrigger::take(const flow_alert& alert) {
  const SteadyTime now = SteadyClock::now();
  if (last_trace_ != SteadyTime::min() && now - last_trace_ < options_.interval) {
    ++outcomes_[kTooSoon];
    return;
  }
  TraceRequest request;
  request.duration = options_.duration;
  for (const FlowInterface& interface : options_.interfaces()) {
    if (interface.space != alert.key.space || interface.index != alert.key.interface) continue;
    // All connections with that address: the one of the alert may be over.
    if (interface.network_namespace == 0) break;
    request.space = static_cast<uint32_t>(interface.network_namespace);
    request.remote = TraceEnd{.address = alert.key.remote, .port = 0};
  }
  if (!request.space) {
    request.flow = trace_direction{.source = alert.key.local,
                                   .destination = alert.key.remote,
                                   .source_port = alert.key.local_port,
                                   .destination_port = alert.key.remote_port};
  }
  const auto id = tracer_.start(request, TraceCause::kTrigger);
  if (!id) {
    ++outcomes_[id.error().code == ErrorCode::kLimit ? kBusy : kFailed];
    return;
  }
  last_trace_ = now;
  ++outcomes_[kTraced];
  log::info("a slow connection is traced",
            {{"trace", *id},
             {"local", trace_end_text(alert.key.local, alert.key.local_port)},
             {"remote", trace_end_text(alert.key.remote, alert.key.remote_port)},
             {"smoothed_us", alert.smoothed_ns / 1000},
             {"threshold_us", alert.threshold_ns / 1000}});
}

void TraceTrigger::write(metrics::SeriesWriter& writer) const {
  writer.family(kTriggerMetrics[0]);
  for (size_t i = 0; i < kOutcomeWords.size(); ++i) {
    writer.sample({{"outcome", kOutcomeWords[i]}}, static_cast<double>(outcomes_[i].load()));
  }
}

std::span<const metrics::MetricRow> TraceTrigger::metrics() {
  return kTriggerMetrics;
}

}  // namespace sonde::exporter
