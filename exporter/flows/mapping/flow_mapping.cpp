#include "exporter/flows/mapping/flow_mapping.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "common/log.h"
#include "exporter/flows/mapping/mapping_words.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr const char* kFeature = "flow_mapping";
constexpr const char* kConntrackFeature = "flow_mapping.conntrack";
/// The table of mappings is large, and all that a scrape wants of it is how many there are.
constexpr auto kCountsEvery = std::chrono::seconds(30);

enum Own {
  kInterfaces,
  kFailed,
  kPackets,
  kUnparsed,
  kRefused,
  kPresent,
  kMade,
  kEvicted,
  kNotMade,
  kPaths,
  kPathsFull,
  kPathsEvicted,
  kConntrack,
  kConntrackLost
};
constexpr std::array<MetricRow, 14> kOwn{{
    {"sonde_exporter_mapping_interfaces", MetricType::kGauge, "", "",
     "Interfaces of the underlay at which flows are mapped."},
    {"sonde_exporter_mapping_interfaces_failed", MetricType::kGauge, "", "",
     "Interfaces of the underlay at which flows should be mapped and cannot; the log says why."},
    {"sonde_exporter_mapping_packets_total", MetricType::kCounter, "", "tunnel",
     "Packets of the underlay by what they carry; buffers of many segments count once."},
    {"sonde_exporter_mapping_unparsed_packets_total", MetricType::kCounter, "", "reason",
     "Packets of the underlay that belong to no mapping: the outer headers (outer_…) or those inside a "
     "tunnel "
     "(inner_…) are not IP, are a fragment, or make no sense."},
    {"sonde_exporter_mapping_refused_packets_total", MetricType::kCounter, "", "reason",
     "Packets that look like a tunnel's and make no mapping: foreign, of no tunnel of this node, which are "
     "plain packets then; unasked, received for a flow that this node has sent nothing of."},
    {"sonde_exporter_mapping_flows", MetricType::kGauge, "", "",
     "Flows in the table of mappings, as of at most half a minute ago, as the two counters beside it."},
    {"sonde_exporter_mapping_flows_made_total", MetricType::kCounter, "", "",
     "Flows that were entered into the table of mappings."},
    {"sonde_exporter_mapping_flows_evicted_total", MetricType::kCounter, "", "",
     "Flows that left the table of mappings for newer ones (see --mapping.max-flows)."},
    {"sonde_exporter_mapping_flows_not_made_total", MetricType::kCounter, "", "",
     "Packets whose flow got no place in the table of mappings, because other CPUs were at it."},
    {"sonde_exporter_mapping_paths", MetricType::kGauge, "", "listed",
     "Paths, pairs of addresses and what they ride on, with a row of their own (see --mapping.max-rows) and "
     "without."},
    {"sonde_exporter_mapping_paths_full_total", MetricType::kCounter, "", "",
     "Times that a flow's path or sample found no room (see --mapping.max-paths)."},
    {"sonde_exporter_mapping_paths_evicted_total", MetricType::kCounter, "", "",
     "Paths without tunnel that left their table for newer ones (see --mapping.max-paths)."},
    {"sonde_exporter_mapping_conntrack_lists_total", MetricType::kCounter, "", "outcome",
     "Lists of translated connections that the kernel was asked for."},
    {"sonde_exporter_mapping_conntrack_lost_total", MetricType::kCounter, "", "reason",
     "Translated connections of those lists that are not used: beyond 65,536, or not understood."},
}};

constexpr std::array<const char*, SONDE_PARSE_RESULTS> kParseWords{
    "", "outer_not_ip", "outer_fragment", "outer_truncated", "outer_malformed", "outer_extensions"};

http::Response bad_request(const std::string& why) {
  return {.status = 400, .body = why + '\n', .headers = {}};
}

CapabilityReason reason_of(const Error& error) {
  return error.code == ErrorCode::kPermission ? CapabilityReason::kMissingCapability
                                              : CapabilityReason::kRejected;
}

std::span<const MetricRow> all_metrics() {
  static const std::vector<MetricRow> kAll = [] {
    std::vector<MetricRow> rows(PathRows::metrics().begin(), PathRows::metrics().end());
    rows.insert(rows.end(), kOwn.begin(), kOwn.end());
    return rows;
  }();
  return kAll;
}

}  // namespace

std::span<const MetricRow> FlowMapping::metrics() {
  return all_metrics();
}

FlowMapping::FlowMapping(MappingOptions options, std::unique_ptr<MappingPrograms> programs)
    : options_(std::move(options)),
      programs_(std::move(programs)),
      own_addresses_(options_.network_namespace, *programs_),
      interfaces_(options_, *programs_),
      addresses_(options_.procfs, options_.network_namespace),
      conntrack_({.network_namespace = options_.network_namespace}),
      rows_(options_.max_rows) {}

Result<std::unique_ptr<FlowMapping>> FlowMapping::start(BpfContext& context, MappingOptions options) {
  auto programs = MappingPrograms::load(context, options);
  if (!programs) return tl::unexpected<Error>(programs.error());
  std::unique_ptr<FlowMapping> mapping(new FlowMapping(std::move(options), std::move(*programs)));
  auto attached = mapping->own_addresses_.update();
  if (attached) attached = mapping->interfaces_.update(SteadyClock::now());
  if (!attached) {
    context.capabilities().set(kFeature, reason_of(attached.error()));
    return fail(kFeature, attached.error());
  }
  context.capabilities().set(kFeature, CapabilityReason::kAvailable);
  mapping->conntrack_.now();
  const ConntrackCounts counts = mapping->conntrack_.counts();
  if (counts.failures > 0) {
    log::warning("the addresses of services are not told: connections cannot be listed",
                 {{"reason", counts.last_failure}});
  }
  context.capabilities().set(
      kConntrackFeature, counts.failures == 0 ? CapabilityReason::kAvailable : CapabilityReason::kRejected);
  return mapping;
}

Result<void> FlowMapping::update(const ContainerTable& containers, SteadyTime now) {
  if (auto known = own_addresses_.update(); !known) return known;
  if (auto attached = interfaces_.update(now); !attached) return attached;
  const auto pods = addresses_.update(containers, now);
  if (!pods) return tl::unexpected<Error>(pods.error());
  if (auto counted = count_mappings(now); !counted) return counted;
  const uint64_t plain_made = programs_->counts()[SONDE_PLAIN_PATHS_MADE];  // before they are listed
  const auto paths = programs_->paths();
  if (!paths) return tl::unexpected<Error>(paths.error());
  count_plain_paths(*paths, plain_made);
  auto names = std::make_shared<MappingNames>();
  names->pods = *pods;
  static const metrics::Labels kNoPod{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", ""}};
  const auto labels_of = [&](const path_key& key) {
    const AddressedPod* const pod = (*pods)->find(key.local);
    const std::string& name =
        names->interfaces.try_emplace(key.interface, interfaces_.name(key.interface)).first->second;
    return PathLabels{.pod = pod == nullptr ? kNoPod : pod->labels,
                      .is_pod = pod != nullptr,
                      .interface = name.empty() ? std::to_string(key.interface) : name};
  };
  const auto now_ns = static_cast<uint64_t>(now.time_since_epoch().count());
  rows_.update(*paths, labels_of, now_ns);
  for (const path_key& key : rows_.ended()) drop(key);
  drop_resting(*paths, now_ns);
  const std::lock_guard lock(mutex_);
  names_ = std::move(names);
  return {};
}

Result<void> FlowMapping::count_mappings(SteadyTime now) {
  if (counted_at_ && now - *counted_at_ < kCountsEvery) return {};
  made_ = programs_->counts()[SONDE_MAPPINGS_MADE];  // before they are listed: never too many evicted
  const auto mappings = programs_->mappings();
  if (!mappings) return tl::unexpected<Error>(mappings.error());
  counted_at_ = now;
  present_ = mappings->size();
  if (made_ > present_) evicted_ = std::max(evicted_, made_ - present_);
  return {};
}

void FlowMapping::drop_resting(const MappingPrograms::Paths& paths, uint64_t now_ns) {
  const auto rests = static_cast<uint64_t>(std::chrono::nanoseconds(kPathRests).count());
  for (const auto& [key, state] : paths) {
    if (now_ns < state.last_ns + rests) continue;
    drop(key);
  }
}

void FlowMapping::drop(const path_key& key) {
  const auto last = programs_->take_path(key);
  if (!last) return;
  if (is_plain(key.tunnel)) ++plain_paths_dropped_;
  rows_.forget(key, *last);
}

void FlowMapping::count_plain_paths(const MappingPrograms::Paths& paths, uint64_t made) {
  const auto present =
      std::ranges::count_if(paths, [](const auto& path) { return is_plain(path.first.tunnel); });
  const uint64_t gone = static_cast<uint64_t>(present) + plain_paths_dropped_;
  if (made > gone) plain_paths_evicted_ = std::max(plain_paths_evicted_, made - gone);
}

void FlowMapping::write(metrics::SeriesWriter& writer) const {
  rows_.write(writer);
  const auto counts = programs_->counts();
  const auto plain = [&writer](Own which, size_t value) {
    writer.family(kOwn[which]);
    writer.sample(static_cast<double>(value));
  };
  plain(kInterfaces, interfaces_.attached());
  plain(kFailed, interfaces_.failed());
  writer.family(kOwn[kPackets]);
  for (uint8_t tunnel = 0; tunnel < SONDE_TUNNELS; ++tunnel) {
    if (tunnel == SONDE_TUNNEL_NAT) continue;  // which of the plain ones are translated is not known at once
    writer.sample({{"tunnel", tunnel_word(tunnel)}},
                  static_cast<double>(counts[SONDE_MAPPING_TUNNEL + tunnel]));
  }
  writer.family(kOwn[kUnparsed]);
  for (size_t result = SONDE_PARSED + 1; result < SONDE_PARSE_RESULTS; ++result) {
    writer.sample({{"reason", kParseWords[result]}},
                  static_cast<double>(counts[SONDE_MAPPING_PARSED + result]));
  }
  writer.sample({{"reason", "inner_not_ip"}}, static_cast<double>(counts[SONDE_MAPPING_INNER_OTHER]));
  writer.sample({{"reason", "inner_malformed"}}, static_cast<double>(counts[SONDE_MAPPING_INNER_MALFORMED]));
  writer.family(kOwn[kRefused]);
  writer.sample({{"reason", "foreign"}}, static_cast<double>(counts[SONDE_MAPPING_FOREIGN]));
  writer.sample({{"reason", "unasked"}}, static_cast<double>(counts[SONDE_MAPPING_UNASKED]));
  plain(kPresent, present_);
  plain(kMade, made_);
  plain(kEvicted, evicted_);
  plain(kNotMade, counts[SONDE_MAPPINGS_NOT_MADE]);
  writer.family(kOwn[kPaths]);
  writer.sample({{"listed", "true"}}, static_cast<double>(rows_.listed()));
  writer.sample({{"listed", "false"}}, static_cast<double>(rows_.unlisted()));
  plain(kPathsFull, counts[SONDE_PATHS_FULL]);
  plain(kPathsEvicted, plain_paths_evicted_);
  const ConntrackCounts lists = conntrack_.counts();
  writer.family(kOwn[kConntrack]);
  writer.sample({{"outcome", "read"}}, static_cast<double>(lists.lists - lists.failures));
  writer.sample({{"outcome", "failed"}}, static_cast<double>(lists.failures));
  writer.family(kOwn[kConntrackLost]);
  writer.sample({{"reason", "too_many"}}, static_cast<double>(lists.left_out));
  writer.sample({{"reason", "malformed"}}, static_cast<double>(lists.malformed));
}

http::Response FlowMapping::page(const http::Request& request) {
  const auto query = parse_mapping_query(request);
  if (!query) return bad_request(query.error().message);
  const auto mappings = programs_->mappings();
  if (!mappings) return {.status = 503, .body = mappings.error().message + '\n', .headers = {}};
  std::shared_ptr<const MappingNames> names;
  {
    const std::lock_guard lock(mutex_);
    names = names_;
  }
  const auto now_ns = static_cast<uint64_t>(SteadyClock::now().time_since_epoch().count());
  return {.status = 200,
          .content_type = "application/json",
          .body = mapping_page(*mappings, *conntrack_.now(), *names, *query, now_ns),
          .headers = {}};
}

}  // namespace sonde::exporter
