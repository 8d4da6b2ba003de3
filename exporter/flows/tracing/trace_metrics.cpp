#include "exporter/flows/tracing/trace_metrics.h"

#include <algorithm>
#include <ranges>
#include <set>

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

/// Pairs of workloads with a verdict; the one that was traced longest ago goes first.
constexpr size_t kMostVerdicts = 32;
/// How long a verdict is shown: what was slow then says nothing of now.
constexpr double kVerdictSeconds = 600;
constexpr std::array<std::string_view, 4> kOutcomes{"kept", "over_budget", "ring_full", "no_room"};
/// Seconds; powers of 4, since one trace sees both a softirq and a sleeping reader.
constexpr std::array<double, 12> kUpperBounds{0.000001, 0.000004, 0.000016, 0.000064, 0.000256, 0.001,
                                              0.004,    0.016,    0.064,    0.256,    1,        4};
constexpr std::string_view kPairLabels =
    "sender_namespace,sender_pod,sender_service,receiver_namespace,receiver_pod,receiver_service";
constexpr std::string_view kShareLabels =
    "sender_namespace,sender_pod,sender_service,receiver_namespace,receiver_pod,receiver_service,part";

constexpr std::array<MetricRow, 8> kMetrics{{
    {.name = "sonde_trace_stage_seconds",
     .type = MetricType::kHistogram,
     .unit = "seconds",
     .labels = "part,stage",
     .help =
         "Time that packets of traced connections spent in a stage of their way, by whose it is: the host "
         "of the end that sent more, the network, or the other end's host."},
    {.name = "sonde_trace_delay_share_ratio",
     .type = MetricType::kGauge,
     .unit = "ratio",
     .labels = kShareLabels,
     .help = "Share of the delay in sender_host, network and receiver_host, as the latest trace of the two "
             "workloads found it."},
    {.name = "sonde_trace_delay_confidence_ratio",
     .type = MetricType::kGauge,
     .unit = "ratio",
     .labels = kPairLabels,
     .help = "How sure it is that the part with the largest share is the slow one, 0 to 1."},
    {.name = "sonde_trace_delay_seconds",
     .type = MetricType::kGauge,
     .unit = "seconds",
     .labels = kPairLabels,
     .help = "The delay that these are shares of: mean of one way there and one back."},
    {.name = "sonde_trace_delay_timestamp_seconds",
     .type = MetricType::kGauge,
     .unit = "seconds",
     .labels = kPairLabels,
     .help = "Unix time at which that trace ended; ten minutes later the pair has none of these any more."},
    {.name = "sonde_traces_total",
     .type = MetricType::kCounter,
     .unit = "",
     .labels = "cause",
     .help = "Traces that ended, by what began them: request or trigger."},
    {.name = "sonde_trace_events_total",
     .type = MetricType::kCounter,
     .unit = "",
     .labels = "outcome",
     .help = "Events of traces: kept, or left out since the second's budget was used up, the ring buffer was "
             "full, or a map had no room."},
    {.name = "sonde_trace_running",
     .type = MetricType::kGauge,
     .unit = "",
     .labels = "",
     .help = "1 while a trace runs; without one no program of it is loaded."},
}};

}  // namespace

void TraceMetrics::add(const TraceReport& report) {
  ++traces_[static_cast<size_t>(report.cause)];
  events_[0] += report.events.size();
  events_[1] += report.counts.tallies[SONDE_TRACE_OVER_BUDGET];
  events_[2] += report.counts.tallies[SONDE_TRACE_RING_FULL];
  events_[3] += report.counts.tallies[SONDE_TRACE_NO_ROOM];
  std::set<uint32_t> back;
  for (const PairDelay& pair : report.pairs) back.insert(pair.back_flows.begin(), pair.back_flows.end());
  for (const TracedDirection& direction : report.directions) {
    const bool mirror = back.contains(direction.flow);
    for (const TracedUnit& unit : direction.units) add_stages(unit, mirror);
  }
  for (auto pair = report.pairs.rbegin(); pair != report.pairs.rend(); ++pair) add_verdict(report, *pair);
}

void TraceMetrics::add_stages(const TracedUnit& unit, bool mirror) {
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    if (unit.times[stage] == kNotSeen) continue;
    const Part part = part_of(static_cast<Stage>(stage));
    const double seconds = static_cast<double>(unit.times[stage]) * 1e-9;
    const auto bucket = std::ranges::lower_bound(kUpperBounds, seconds) - kUpperBounds.begin();
    Histogram& histogram = stages_[{stage, mirror ? mirrored(part) : part}];
    ++histogram.counts[static_cast<size_t>(bucket)];
    histogram.sum += seconds;
  }
}

void TraceMetrics::add_end(metrics::Labels& labels, const TraceReport& report, const std::string& end,
                           const flow_address& address, uint32_t space) const {
  identity::ContainerName name;
  if (const auto found = report.spaces.find(space); found != report.spaces.end()) {
    name = found->second;
  } else if (const std::string* network = networks_.find(address)) {
    name.service = *network;
  } else {
    name.service = class_word(class_of(address));
  }
  labels.add(end + "_namespace", name.name_space);
  labels.add(end + "_pod", name.pod);
  labels.add(end + "_service", name.service);
}

void TraceMetrics::add_verdict(const TraceReport& report, const PairDelay& pair) {
  if (pair.slowest == Part::kNone) return;
  const double duration = static_cast<double>(report.end_ns - report.begin_ns) * 1e-9;
  Verdict verdict{.labels = {},
                  .share = pair.share,
                  .confidence = pair.confidence,
                  .seconds = pair.seconds,
                  .ended_seconds = report.started_seconds + duration};
  add_end(verdict.labels, report, "sender", pair.sender, pair.there.sender_space);
  add_end(verdict.labels, report, "receiver", pair.receiver, pair.there.receiver_space);
  std::erase_if(verdicts_, [&](const Verdict& known) { return known.labels == verdict.labels; });
  verdicts_.push_front(std::move(verdict));
  if (verdicts_.size() > kMostVerdicts) verdicts_.pop_back();
}

void TraceMetrics::write(bool running, double now_seconds, metrics::SeriesWriter& writer) const {
  auto fresh = verdicts_ | std::views::filter([&](const Verdict& verdict) {
                 return now_seconds - verdict.ended_seconds < kVerdictSeconds;
               });
  writer.family(kMetrics[0]);
  for (const auto& [key, histogram] : stages_) {
    const metrics::Labels labels{{"part", part_word(key.second)},
                                 {"stage", stage_word(static_cast<Stage>(key.first))}};
    writer.histogram(labels, kUpperBounds, histogram.counts, histogram.sum);
  }
  writer.family(kMetrics[1]);
  for (const Verdict& verdict : fresh) {
    for (size_t part = 0; part < kPartCount; ++part) {
      writer.sample(verdict.labels, {{"part", part_word(static_cast<Part>(part))}}, verdict.share[part]);
    }
  }
  writer.family(kMetrics[2]);
  for (const Verdict& verdict : fresh) writer.sample(verdict.labels, verdict.confidence);
  writer.family(kMetrics[3]);
  for (const Verdict& verdict : fresh) writer.sample(verdict.labels, verdict.seconds);
  writer.family(kMetrics[4]);
  for (const Verdict& verdict : fresh) writer.sample(verdict.labels, verdict.ended_seconds);
  writer.family(kMetrics[5]);
  for (size_t cause = 0; cause < kTraceCauseCount; ++cause) {
    const auto word = trace_cause_word(static_cast<TraceCause>(cause));
    writer.sample({{"cause", word}}, static_cast<double>(traces_[cause]));
  }
  writer.family(kMetrics[6]);
  for (size_t outcome = 0; outcome < events_.size(); ++outcome) {
    writer.sample({{"outcome", kOutcomes[outcome]}}, static_cast<double>(events_[outcome]));
  }
  writer.family(kMetrics[7]);
  writer.sample(running ? 1 : 0);
}

std::span<const MetricRow> TraceMetrics::metrics() {
  return kMetrics;
}

}  // namespace sonde::exporter
