#include <array>
#include <unordered_map>

#include "bpf/settings.h"
#include "bpf/tcp_retransmits.h"
#include "bpf/tcp_retransmits.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"
#include "exporter/pod_rows.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 1> kMetrics{{
    {.name = "sonde_pod_tcp_retransmits_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service",
     .help = "TCP segments sent again from the pod's network namespace."},
}};

/// Arguments of tcp_retransmit_skb where it says whether sending failed: the socket, the buffer and that.
constexpr int kArgumentsWithError = 3;

class TcpRetransmitsCollector final : public Collector {
 public:
  explicit TcpRetransmitsCollector(BpfContext& context)
      : topic_(BpfTopic::start(
            context,
            {.topic = "tcp_retransmits",
             .open = open_skeleton<tcp_retransmits_bpf>([&context](tcp_retransmits_bpf& skeleton) {
               skeleton.rodata->settings = settings_of(context);
               skeleton.rodata->tells_failure =
                   context.hook_arguments("tcp_retransmit_skb") >= kArgumentsWithError;
             }),
             .not_wanted = {},
             .needed = {"retransmit_skb"}},
            sizeof(tcp_retransmit_counts))) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    if (auto updated = topic.update(plan(context.containers)); !updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), parts_);
    return {};
  }

 private:
  /// Rows of pods; keys are network namespaces. Containers of the host's namespace have no row.
  RowPlan plan(const ContainerTable& containers) {
    const auto pods = pods_.update(containers);
    std::unordered_map<uint64_t, uint32_t> owners;
    for (uint32_t i = 0; i < pods.size(); ++i) owners.emplace(pods[i].container->network_namespace, i);
    return {PodRows::owners_of(pods),
            [owners = std::move(owners)](const MapKey& key) -> std::optional<uint32_t> {
              const auto found = owners.find(key.id);
              if (found == owners.end()) return std::nullopt;
              return found->second;
            }};
  }

  PodRows pods_;
  const std::array<CounterPart, 1> parts_{{{0}}};
  Result<std::unique_ptr<BpfTopic>> topic_;
};

}  // namespace

std::span<const metrics::MetricRow> tcp_retransmits_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_tcp_retransmits_collector(BpfContext& context) {
  return std::make_unique<TcpRetransmitsCollector>(context);
}

}  // namespace sonde::exporter
