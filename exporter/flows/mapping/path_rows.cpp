#include "exporter/flows/mapping/path_rows.h"

#include <algorithm>
#include <cstring>

#include "exporter/flows/address.h"
#include "exporter/flows/mapping/mapping_programs.h"
#include "exporter/flows/mapping/mapping_words.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels =
    "namespace,pod,container,service,address,remote_address,outer_address,outer_remote_address,tunnel,vni,"
    "interface";
constexpr std::array<MetricRow, 3> kMetrics{{
    {"sonde_flow_underlay_info", MetricType::kGauge, "", kLabels,
     "Always 1: the pod's flows from its address to remote_address ride the underlay between outer_address "
     "and "
     "outer_remote_address, in a tunnel or behind NAT."},
    {"sonde_flow_underlay_rtt_seconds", MetricType::kHistogram, "seconds", kLabels,
     "Times from a TCP segment's leaving by the underlay's interface to the return of its acknowledgement "
     "there: the network, and the remote host."},
    {"sonde_flow_underlay_local_rtt_seconds", MetricType::kHistogram, "seconds", kLabels,
     "Times from a TCP segment's arrival at the underlay's interface to the leaving of its acknowledgement "
     "there: this host and the pod."},
}};

/// Every second bound of the kernel's: 1 µs × 4^i.
constexpr size_t kBounds = SONDE_RTT_BUCKETS / 2;
constexpr std::array<double, kBounds> kUpperBounds = [] {
  std::array<double, kBounds> bounds{};
  double bound = 1e-6;
  for (double& one : bounds) {
    one = bound;
    bound *= 4;
  }
  return bounds;
}();

std::array<uint8_t, sizeof(path_key)> bytes_of(const path_key& key) {
  std::array<uint8_t, sizeof(path_key)> bytes{};
  std::memcpy(bytes.data(), &key, sizeof key);
  return bytes;
}

void add(latency_histogram& to, const latency_histogram& last, const latency_histogram& now) {
  to.sum_ns += now.sum_ns - last.sum_ns;
  for (size_t i = 0; i < SONDE_RTT_BUCKETS; ++i) to.buckets[i] += now.buckets[i] - last.buckets[i];
}

void write_histogram(metrics::SeriesWriter& writer, const metrics::Labels& labels,
                     const latency_histogram& histogram) {
  // The kernel's bound 2i is ours; its buckets 2i - 1 and 2i are one of ours.
  std::array<uint64_t, kBounds + 1> counts{};
  for (size_t i = 0; i < SONDE_RTT_BUCKETS; ++i) {
    counts[std::min((i + 1) / 2, counts.size() - 1)] += histogram.buckets[i];
  }
  writer.histogram(labels, kUpperBounds, counts, static_cast<double>(histogram.sum_ns) / 1e9);
}

path_key key_of(const std::array<uint8_t, sizeof(path_key)>& bytes) {
  path_key key{};
  std::memcpy(&key, bytes.data(), sizeof key);
  return key;
}

metrics::Labels labels_of_path(const path_key& key, const PathLabels& known) {
  metrics::Labels labels = known.pod;
  const bool virtual_network = key.tunnel == SONDE_TUNNEL_VXLAN || key.tunnel == SONDE_TUNNEL_GENEVE;
  labels.add("address", address_text(key.local));
  labels.add("remote_address", address_text(key.remote));
  labels.add("outer_address", address_text(key.outer_local));
  labels.add("outer_remote_address", address_text(key.outer_remote));
  labels.add("tunnel", tunnel_word(key.tunnel));
  labels.add("vni", virtual_network ? std::to_string(key.vni) : "");
  labels.add("interface", known.interface);
  return labels;
}

metrics::Labels labels_of_other() {
  metrics::Labels labels{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", "~other"}};
  for (const char* name :
       {"address", "remote_address", "outer_address", "outer_remote_address", "tunnel", "vni", "interface"}) {
    labels.add(name, "");
  }
  return labels;
}

}  // namespace

std::span<const MetricRow> PathRows::metrics() {
  return kMetrics;
}

void PathRows::add_new(Times& to, const Times& last, const path_state& now) {
  add(to.rtt, last.rtt, now.rtt);
  add(to.local_rtt, last.local_rtt, now.local_rtt);
}

void PathRows::update(const Paths& paths, const LabelsOf& labels_of, uint64_t now_ns) {
  for (auto& [key, path] : paths_) path.seen = false;
  ended_.clear();
  std::vector<Path*> without;
  for (const auto& [key, state] : paths) {
    const PathLabels known = labels_of(key);
    const auto before = paths_.find(bytes_of(key));
    if (before == paths_.end() && !known.is_pod) continue;
    Path& path = before == paths_.end() ? paths_[bytes_of(key)] : before->second;
    if (path.seen) continue;  // a reading may hold an entry twice
    path.seen = true;
    if (path.made_ns != state.made_ns) path.last = {};
    path.made_ns = state.made_ns;
    if (before != paths_.end() && (!known.is_pod || path.pod != known.pod.text())) {
      ended_.push_back(key);
      continue;
    }
    path.plain = is_plain(key.tunnel);
    path.last_ns = state.last_ns;
    path.bytes = state.bytes;
    path.pod = known.pod.text();
    path.labels = labels_of_path(key, known);
    // A remote that never answers costs its sender one packet: such ones get no series of their own.
    const bool answers = state.rtt.sum_ns > 0 || state.local_rtt.sum_ns > 0;
    if (!path.has_row && (!path.plain || answers)) without.push_back(&path);
  }
  forget_evicted(labels_of, now_ns);
  give_rows(without);
  for (const auto& [key, state] : paths) {
    const auto found = paths_.find(bytes_of(key));
    if (found == paths_.end()) continue;
    Path& path = found->second;
    add_new(path.has_row ? path.row : other_, path.last, state);
    path.last = {state.rtt, state.local_rtt};
  }
}

/// Of the paths that the kernel has no more, those keep their places whose row would come back.
void PathRows::forget_evicted(const LabelsOf& labels_of, uint64_t now_ns) {
  constexpr auto kRests = static_cast<uint64_t>(std::chrono::nanoseconds(kPathRests).count());
  std::erase_if(paths_, [&](const auto& entry) {
    const Path& path = entry.second;
    if (path.seen) return false;
    if (!path.has_row || now_ns >= path.last_ns + kRests) return true;
    const PathLabels known = labels_of(key_of(entry.first));
    return !known.is_pod || path.pod != known.pod.text();
  });
}

void PathRows::give_rows(std::vector<Path*>& without) {
  listed_ = 0;
  size_t plain = 0;
  for (const auto& [key, path] : paths_) {
    listed_ += path.has_row ? 1 : 0;
    plain += path.has_row && path.plain ? 1 : 0;
  }
  std::ranges::sort(without, std::ranges::greater{}, &Path::bytes);
  for (Path* const path : without) {
    if (listed_ == max_rows_) break;
    if (path->plain && plain >= (max_rows_ + 1) / 2) continue;
    path->has_row = true;
    ++listed_;
    plain += path->plain ? 1 : 0;
  }
  unlisted_ = paths_.size() - listed_;
}

void PathRows::forget(const path_key& key, const path_state& last) {
  const auto found = paths_.find(bytes_of(key));
  if (found == paths_.end()) return;
  if (!found->second.has_row) add_new(other_, found->second.last, last);
  paths_.erase(found);
}

void PathRows::write(metrics::SeriesWriter& writer) const {
  writer.family(kMetrics[0]);
  for (const auto& [key, path] : paths_) {
    if (path.has_row) writer.sample(path.labels, 1);
  }
  const metrics::Labels other = labels_of_other();
  for (size_t family = 1; family < kMetrics.size(); ++family) {
    const auto histogram = family == 1 ? &Times::rtt : &Times::local_rtt;
    writer.family(kMetrics[family]);
    for (const auto& [key, path] : paths_) {
      if (path.has_row) write_histogram(writer, path.labels, path.row.*histogram);
    }
    write_histogram(writer, other, other_.*histogram);
  }
}

}  // namespace sonde::exporter
