#include "exporter/collectors/flow_rtt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "exporter/flows/flow_accounts.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

#define SONDE_FLOW_LABELS "namespace,pod,container,service,remote_namespace,remote_pod,remote_service"

constexpr std::array<MetricRow, 9> kRows{{
    {"sonde_flow_rtt_seconds", MetricType::kHistogram, "seconds", SONDE_FLOW_LABELS,
     "Round-trip times of TCP between the pod and the remote: from data that passed the pod's interface to "
     "its ACK, "
     "the network and the remote's kernel in it. What waits in a queue of the interface itself on its way to "
     "the pod (netem, tbf at the host end) is in sonde_flow_local_rtt_seconds of that pod instead, and in "
     "this of the remote's. Handshakes and segments sent again are left out."},
    {"sonde_flow_local_rtt_seconds", MetricType::kHistogram, "seconds", SONDE_FLOW_LABELS,
     "The same the other way: from the remote's data at the pod's interface to the pod's ACK, which is the "
     "time that the pod's own kernel takes, and queues of the host end (netem, tbf) on the way to it."},
    {"sonde_flow_handshake_rtt_seconds", MetricType::kHistogram, "seconds", SONDE_FLOW_LABELS,
     "From the pod's SYN to the SYN-ACK, or from its SYN-ACK to the ACK."},
    {"sonde_flow_request_latency_seconds", MetricType::kHistogram, "seconds", SONDE_FLOW_LABELS ",role",
     "From the last byte of a request to the first byte of the response, as the pod's interface sees them: "
     "as "
     "client the network and the remote's work, as server the pod's own work."},
    {"sonde_flow_bytes_total", MetricType::kCounter, "bytes", SONDE_FLOW_LABELS ",direction",
     "Bytes of IP that the pod sent to the remote or received from it."},
    {"sonde_flow_packets_total", MetricType::kCounter, "packets", SONDE_FLOW_LABELS ",direction",
     "Packets of IP that the pod sent to the remote or received from it, acknowledgements too. A buffer of "
     "many "
     "segments (GSO, GRO) is one."},
    {"sonde_flow_retransmits_total", MetricType::kCounter, "", SONDE_FLOW_LABELS ",direction",
     "TCP segments that passed the pod's interface again, or late."},
    {"sonde_flow_drops_total", MetricType::kCounter, "", SONDE_FLOW_LABELS ",direction",
     "Packets that the node's kernel lost on their way from the pod to the remote or back, anywhere on the "
     "node; sonde_packet_drops_total and /flows have the reasons. What the kernel frees without loss, as old "
     "duplicates and probes of idle connections, is not among them. Absent until there is one."},
    {"sonde_flow_slow_samples_total", MetricType::kCounter, "", SONDE_FLOW_LABELS,
     "RTTs with which a connection was slower than the threshold of its service (--flows.trigger.absolute, "
     "--flows.trigger.relative), one a millisecond and connection at most. Absent until there is one."},
}};

constexpr std::array<MetricRow, 13> kOwn{{
    {"sonde_exporter_flow_rows", MetricType::kGauge, "", "", "Rows of pods and remotes that are exported."},
    {"sonde_exporter_flow_peers_unlisted", MetricType::kGauge, "", "",
     "Remotes of pods that have no row of their own (--flows.max-rows) and are part of ~other."},
    {"sonde_exporter_flow_pairs", MetricType::kGauge, "", "",
     "Pairs of an interface and a remote address that are counted in the kernel now."},
    {"sonde_exporter_flow_pairs_overflowed_packets_total", MetricType::kCounter, "", "",
     "Packets for whose pair there was no room (--flows.max-pairs), or whose interface had its share: they "
     "are "
     "part of ~other."},
    {"sonde_exporter_flow_interfaces_overflowed", MetricType::kGauge, "", "",
     "Interfaces (pods, unless --flows.attach says otherwise) with packets in the last minute for whose pair "
     "there was no room."},
    {"sonde_exporter_flows", MetricType::kGauge, "", "",
     "Connections in the kernel's table; --flows.max-flows is its size."},
    {"sonde_exporter_flows_made_total", MetricType::kCounter, "", "",
     "Connections that came into the table."},
    {"sonde_exporter_flows_closed_total", MetricType::kCounter, "", "",
     "Connections that left the table because they were closed or their interface is gone."},
    {"sonde_exporter_flows_evicted_total", MetricType::kCounter, "", "",
     "Connections that left the table for lack of room. What they count goes on; an RTT that was under way "
     "is "
     "lost."},
    {"sonde_exporter_flows_not_made_total", MetricType::kCounter, "", "",
     "Connections for which there was no room at all; their bytes are counted, their RTT is not."},
    {"sonde_exporter_flow_unparsed_packets_total", MetricType::kCounter, "", "reason",
     "Packets of the watched interfaces that belong to no connection: not_ip, fragment, truncated, "
     "malformed, "
     "extensions."},
    {"sonde_exporter_flow_samples_dropped_total", MetricType::kCounter, "", "",
     "RTTs that were not counted because two CPUs were at the same connection at once."},
    {"sonde_exporter_flow_alerts_total", MetricType::kCounter, "", "outcome",
     "Slow connections that the kernel told of: sent, or suppressed by flow_limit, global_limit or "
     "ring_full."},
}};

constexpr std::array<const char*, SONDE_PARSE_RESULTS> kUnparsed{"",          "not_ip",    "fragment",
                                                                 "truncated", "malformed", "extensions"};

/// The kernel's bucket i ends at 1 µs × 2^i. Exported are those of every step of two or four, from the first
/// that is worth it: a row has six histograms' worth of series otherwise.
struct Bounds {
  size_t first;
  size_t step;
  std::vector<double> upper{};
};

Bounds bounds_from(size_t first, size_t step) {
  Bounds bounds{first, step};
  for (size_t i = first; i + 1 < SONDE_RTT_BUCKETS; i += step) {
    bounds.upper.push_back(1e-6 * std::exp2(static_cast<double>(i)));
  }
  return bounds;
}

/// 16 µs to 16.8 s in steps of two; 4 µs to 16.8 s in steps of four or so.
const Bounds& fine() {
  static const Bounds kBounds = bounds_from(4, 1);
  return kBounds;
}
const Bounds& coarse() {
  static const Bounds kBounds = bounds_from(2, 2);
  return kBounds;
}

struct Histogram {
  size_t family;
  latency_histogram pair_samples::* samples;
  const Bounds& (*bounds)();
  metrics::Labels role;
};

const std::vector<Histogram>& histograms() {
  static const std::vector<Histogram> kAll{
      {0, &pair_samples::rtt, fine, {}},
      {1, &pair_samples::local_rtt, coarse, {}},
      {2, &pair_samples::handshake, coarse, {}},
      {3, &pair_samples::request_client, fine, {{"role", "client"}}},
      {3, &pair_samples::request_server, fine, {{"role", "server"}}},
  };
  return kAll;
}

/// What most rows have none of.
struct RareCounter {
  size_t family;
  uint64_t (*count)(const PairCounts& counts);
  metrics::Labels labels;
};

const std::vector<RareCounter>& rare_counters() {
  static const std::vector<RareCounter> kAll{
      {7, [](const PairCounts& counts) { return counts.drops.sent; }, {{"direction", "sent"}}},
      {7, [](const PairCounts& counts) { return counts.drops.received; }, {{"direction", "received"}}},
      {8, [](const PairCounts& counts) -> uint64_t { return counts.samples.slow; }, {}},
  };
  return kAll;
}

PairCounts counts_of(const FlowRows::Row& row) {
  PairCounts counts;
  static_assert(std::is_trivially_copyable_v<PairCounts>);
  std::memcpy(static_cast<void*>(&counts), row.totals.data(), sizeof counts);
  return counts;
}

bool has_samples(const latency_histogram& histogram) {
  return std::ranges::any_of(histogram.buckets, [](uint64_t count) { return count != 0; });
}

metrics::Labels joined(const metrics::Labels& labels, const metrics::Labels& more) {
  if (more.text().empty()) return labels;
  return metrics::Labels::written(std::string(labels.text()) + ',' + std::string(more.text()));
}

void write_histogram(const metrics::Labels& labels, const Histogram& histogram,
                     const latency_histogram& samples, metrics::SeriesWriter& writer) {
  const Bounds& bounds = histogram.bounds();
  std::vector<uint64_t> counts(bounds.upper.size() + 1);
  for (size_t i = 0; i < SONDE_RTT_BUCKETS; ++i) {
    const size_t above = i <= bounds.first ? 0 : (i - bounds.first + bounds.step - 1) / bounds.step;
    counts[std::min(above, bounds.upper.size())] += samples.buckets[i];
  }
  writer.histogram(joined(labels, histogram.role), bounds.upper, counts,
                   static_cast<double>(samples.sum_ns) / 1e9);
}

void write_directions(const MetricRow& family, __u64 pair_direction::* counter,
                      std::span<const FlowRows::Row* const> rows, metrics::SeriesWriter& writer) {
  static const metrics::Labels kSent{{"direction", "sent"}};
  static const metrics::Labels kReceived{{"direction", "received"}};
  writer.family(family);
  for (const FlowRows::Row* row : rows) {
    const PairCounts counts = counts_of(*row);
    writer.sample(row->labels, kSent, static_cast<double>(counts.traffic.sent.*counter));
    writer.sample(row->labels, kReceived, static_cast<double>(counts.traffic.received.*counter));
  }
}

}  // namespace

size_t most_series_of_a_row() {
  constexpr size_t kAlways = 6;  // bytes, packets and retransmits
  size_t series = kAlways + rare_counters().size();
  for (const Histogram& histogram : histograms()) {
    series += histogram.bounds().upper.size() + 3;  // +Inf, sum, count
  }
  return series;
}

/// Which histograms and seldom counters of which rows this page has.
void FlowFamilies::decide(std::span<const FlowRows::Row* const> rows) {
  std::unordered_map<std::string, ShownParts> shown;
  for (const FlowRows::Row* row : rows) {
    std::string key(row->labels.text());
    const auto before = shown_.find(key);
    const PairCounts counts = counts_of(*row);
    ShownParts& now = shown[std::move(key)];
    now.fill(Shown::kNo);
    for (size_t i = 0; i < now.size(); ++i) {
      const bool any = i < kHistograms ? has_samples(counts.samples.*histograms()[i].samples)
                                       : rare_counters()[i - kHistograms].count(counts) != 0;
      if (!any) continue;
      // A row begins at 0: one that has samples when it appears is an old one that comes back.
      const bool appears = before != shown_.end() && before->second[i] == Shown::kNo;
      now[i] = appears ? Shown::kAtZero : Shown::kYes;
    }
  }
  shown_ = std::move(shown);
}

void FlowFamilies::write(std::span<const FlowRows::Row* const> rows, metrics::SeriesWriter& writer) {
  decide(rows);
  size_t family = kRows.size();
  for (size_t i = 0; i < kHistograms; ++i) {
    const Histogram& histogram = histograms()[i];
    if (std::exchange(family, histogram.family) != histogram.family) writer.family(kRows[histogram.family]);
    for (const FlowRows::Row* row : rows) {
      const Shown shown = shown_.at(std::string(row->labels.text()))[i];
      if (shown == Shown::kNo) continue;
      const latency_histogram samples =
          shown == Shown::kAtZero ? latency_histogram{} : counts_of(*row).samples.*histogram.samples;
      write_histogram(row->labels, histogram, samples, writer);
    }
  }
  write_directions(kRows[4], &pair_direction::bytes, rows, writer);
  write_directions(kRows[5], &pair_direction::packets, rows, writer);
  write_directions(kRows[6], &pair_direction::retransmitted, rows, writer);
  for (size_t i = 0; i < kRareCounters; ++i) {
    const RareCounter& counter = rare_counters()[i];
    if (std::exchange(family, counter.family) != counter.family) writer.family(kRows[counter.family]);
    for (const FlowRows::Row* row : rows) {
      const Shown shown = shown_.at(std::string(row->labels.text()))[kHistograms + i];
      if (shown == Shown::kNo) continue;
      const uint64_t count = shown == Shown::kAtZero ? 0 : counter.count(counts_of(*row));
      writer.sample(row->labels, counter.labels, static_cast<double>(count));
    }
  }
}

namespace {

class FlowRttCollector final : public Collector {
 public:
  explicit FlowRttCollector(const Environment& environment)
      : accounts_(environment.flow_accounts), error_(environment.flows_error) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (accounts_ == nullptr) return tl::unexpected(error_);
    auto updated = accounts_->update(context.containers, SteadyClock::now());
    if (!updated) return updated;
    const auto counts = accounts_->monitor().programs().counts();
    if (!counts) return tl::unexpected(counts.error());
    (void)accounts_->table().end_interval();  // where it fails, so does what follows
    const auto table = accounts_->table().counts();
    if (!table) return tl::unexpected(table.error());
    // Connections come and go while the table is read.
    evicted_ = std::max(evicted_, table->evicted);
    families_.write(accounts_->rows(), writer);
    write_own(*counts, *table, writer);
    return {};
  }

 private:
  void write_own(const flow_counts& counts, const FlowTableCounts& table,
                 metrics::SeriesWriter& writer) const {
    size_t next = 0;
    const auto single = [&](uint64_t value) {
      writer.family(kOwn[next++]);
      writer.sample(static_cast<double>(value));
    };
    const auto labelled = [&](const char* label, const char* word, uint64_t value) {
      writer.sample(metrics::Labels{{label, word}}, static_cast<double>(value));
    };
    single(accounts_->rows().size());
    single(accounts_->unlisted());
    single(accounts_->pairs());
    single(counts.counts[SONDE_PAIRS_OVERFLOWED]);
    single(accounts_->overflowed());
    single(table.present);
    single(table.made);
    single(table.deleted);
    single(evicted_);
    single(table.not_made);
    writer.family(kOwn[next++]);
    for (size_t i = SONDE_PARSED + 1; i < SONDE_PARSE_RESULTS; ++i) {
      labelled("reason", kUnparsed[i], counts.counts[SONDE_FLOW_NOT_PARSED + i]);
    }
    single(counts.counts[SONDE_SAMPLES_DROPPED]);
    writer.family(kOwn[next++]);
    labelled("outcome", "sent", counts.counts[SONDE_ALERTS_SENT]);
    labelled("outcome", "flow_limit", counts.counts[SONDE_ALERTS_FLOW_LIMIT]);
    labelled("outcome", "global_limit", counts.counts[SONDE_ALERTS_GLOBAL_LIMIT]);
    labelled("outcome", "ring_full", counts.counts[SONDE_ALERTS_RING_FULL]);
  }

  FlowAccounts* accounts_;  ///< null where flows cannot be watched
  Error error_;
  FlowFamilies families_;
  uint64_t evicted_ = 0;
};

}  // namespace

std::span<const MetricRow> flow_rtt_metrics() {
  static const std::vector<MetricRow> kAll = [] {
    std::vector<MetricRow> rows(kRows.begin(), kRows.end());
    rows.insert(rows.end(), kOwn.begin(), kOwn.end());
    return rows;
  }();
  return kAll;
}

std::unique_ptr<Collector> make_flow_rtt_collector(const Environment& environment) {
  return std::make_unique<FlowRttCollector>(environment);
}

}  // namespace sonde::exporter
