#include <array>
#include <unordered_map>

#include "bpf/settings.h"
#include "bpf/tcp_retransmits.h"
#include "bpf/tcp_retransmits.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"

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

/// Rows of pods; keys are network namespaces. Containers of the host's namespace have no row.
RowPlan rows_of_pods(const ContainerTable& containers,
                     const std::function<uint64_t(const Container&)>& network_namespace) {
  RowPlan plan;
  std::unordered_map<uint64_t, uint32_t> owners;
  if (network_namespace) {
    for (const Container& container : containers.containers()) {
      const uint64_t inode = network_namespace(container);
      if (inode == 0) continue;
      // The containers of a pod share its namespace, and its row.
      if (owners.try_emplace(inode, static_cast<uint32_t>(plan.rows.size())).second) {
        plan.rows.push_back(&container.pod_labels);
      }
    }
  }
  plan.owner_of = [owners = std::move(owners)](const MapKey& key) -> std::optional<uint32_t> {
    const auto found = owners.find(key.id);
    if (found == owners.end()) return std::nullopt;
    return found->second;
  };
  return plan;
}

class TcpRetransmitsCollector final : public Collector {
 public:
  explicit TcpRetransmitsCollector(BpfContext& context)
      : network_namespace_(context.options().network_namespace),
        topic_(BpfTopic::start(
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
    if (auto updated = topic.update(rows_of_pods(context.containers, network_namespace_)); !updated) {
      return updated;
    }
    write_counters(writer, kMetrics[0], topic.rows(), parts_);
    return {};
  }

 private:
  std::function<uint64_t(const Container&)> network_namespace_;
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
