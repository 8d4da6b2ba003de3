#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "bpf/packet_drops.h"
#include "bpf/packet_drops.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"
#include "exporter/drop_reasons.h"
#include "exporter/pod_rows.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 1> kMetrics{{
    {.name = "sonde_packet_drops_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service,reason",
     .help =
         "Packets that the kernel dropped in the pod's network namespace, by its own reason "
         "(enum skb_drop_reason): receivers' buffers that are full, firewalls, ports without listener. "
         "Not all of them are missed: tcp_old_sequence are probes of idle connections and what was "
         "received before, tcp_reset ends one, otherhost is a bridge's copy, not_specified and "
         "queue_purge hold goodbyes; sonde_flow_drops_total leaves those out. A buffer of many segments is "
         "one packet."},
}};

/// Arguments of kfree_skb where it tells the reason: the buffer, the place in the kernel and that.
constexpr int kArgumentsWithReason = 3;
/// Where it tells the socket that was to receive the buffer too.
constexpr int kArgumentsWithReceiver = 4;

/// Reasons of one pod that have rows of their own, the first ones; a kernel has 130, a pod sees a handful.
constexpr size_t kMostReasons = 24;
/// Stands for the others of a pod. No reason of the kernel: those are 16 bits, and below them subsystems'
/// numbers.
constexpr uint32_t kOtherReasons = UINT32_MAX;
/// A pod's life and a reason as one number.
constexpr uint64_t kReasonsOfALife = uint64_t{1} << 12U;

struct DropKey {
  uint64_t network_namespace;
  uint32_t reason;
};

DropKey parts_of(const MapKey& key) {
  return {key.id & UINT32_MAX, static_cast<uint32_t>(key.id >> SONDE_DROP_REASON_SHIFT)};
}

/// Rows of pods and reasons, one for each pair that was seen. What is dropped in namespaces without pod, the
/// host's among them, has rows whose other labels are "". Threads: one.
class DropRows {
 public:
  DropRows(DropReasons reasons, bool host_row) : reasons_(std::move(reasons)), host_row_(host_row) {}

  RowPlan plan(const ContainerTable& containers, std::span<const MapKey> keys) {
    const std::vector<PodRows::Pod> pods = pods_.update(containers);
    std::unordered_map<uint64_t, uint64_t> lives;  // by network namespace
    for (const PodRows::Pod& pod : pods) lives.emplace(pod.container->network_namespace, pod.life);
    std::erase_if(seen_, [&](const auto& entry) {
      return entry.first != kHost &&
             std::ranges::none_of(pods, [&](const auto& pod) { return pod.life == entry.first; });
    });
    for (const MapKey& key : keys) {
      const auto [network_namespace, reason] = parts_of(key);
      const auto life = lives.find(network_namespace);
      const uint64_t whose = life == lives.end() ? kHost : life->second;
      if (whose != kHost || host_row_) notice(whose, reason);
    }
    return owners_of(pods, std::move(lives));
  }

 private:
  static constexpr uint64_t kHost = 0;  ///< in place of a pod's life, which begins at 1

  void notice(uint64_t life, uint32_t reason) {
    std::set<uint32_t>& reasons = seen_[life];
    reasons.insert(reasons.size() < kMostReasons || reasons.contains(reason) ? reason : kOtherReasons);
  }

  [[nodiscard]] uint32_t number_of(uint32_t reason) {
    return numbers_.try_emplace(reason, static_cast<uint32_t>(numbers_.size() + 1)).first->second;
  }

  RowPlan owners_of(const std::vector<PodRows::Pod>& pods, std::unordered_map<uint64_t, uint64_t> lives) {
    labels_.clear();
    RowPlan plan;
    std::unordered_map<uint64_t, uint32_t> indices;  // by the life of a pair
    const auto add = [&](uint64_t life, const metrics::Labels& pod, const metrics::Labels& service,
                         uint32_t name) {
      for (const uint32_t reason : seen_[life]) {
        const uint64_t pair = life * kReasonsOfALife + number_of(reason);
        metrics::Labels& labels = labels_.emplace_back(pod);
        labels.add("reason", reason == kOtherReasons ? "other" : reasons_.word(reason));
        indices.emplace(pair, static_cast<uint32_t>(plan.owners.size()));
        plan.owners.push_back({pair, &labels, &service, true, name});
      }
    };
    for (const PodRows::Pod& pod : pods) {
      add(pod.life, pod.container->pod_labels, pod.container->service_labels,
          pod.container->listed ? pod.name : 0);
    }
    add(kHost, host_labels_, host_service_, 0);
    const auto index_of = [this, indices = std::move(indices)](uint64_t life,
                                                               uint32_t reason) -> std::optional<uint32_t> {
      const auto& reasons = seen_[life];
      const uint64_t pair =
          life * kReasonsOfALife + number_of(reasons.contains(reason) ? reason : kOtherReasons);
      const auto found = indices.find(pair);
      if (found == indices.end()) return std::nullopt;
      return found->second;
    };
    plan.owner_of = [index_of, lives = std::move(lives)](const MapKey& key) -> std::optional<uint32_t> {
      const auto [network_namespace, reason] = parts_of(key);
      const auto life = lives.find(network_namespace);
      return life == lives.end() ? std::nullopt : index_of(life->second, reason);
    };
    if (host_row_) {
      plan.host_of = [index_of](const MapKey& key) { return index_of(kHost, parts_of(key).reason); };
    }
    return plan;
  }

  DropReasons reasons_;
  bool host_row_;
  PodRows pods_;
  std::unordered_map<uint64_t, std::set<uint32_t>> seen_;  ///< reasons by a pod's life
  std::unordered_map<uint32_t, uint32_t> numbers_;         ///< of reasons, from 1, for lives
  std::deque<metrics::Labels> labels_;                     ///< of the last plan's owners
  const metrics::Labels host_labels_{{"namespace", ""}, {"pod", ""}, {"container", ""}, {"service", ""}};
  const metrics::Labels host_service_{{"namespace", ""}, {"service", ""}};
};

class PacketDropsCollector final : public Collector {
 public:
  explicit PacketDropsCollector(BpfContext& context)
      : PacketDropsCollector(context, DropReasons::of_this_kernel()) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    auto updated =
        topic.update([&](std::span<const MapKey> keys) { return rows_.plan(context.containers, keys); });
    if (!updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), parts_);
    return {};
  }

 private:
  PacketDropsCollector(BpfContext& context, const DropReasons& reasons)
      : rows_(reasons, context.options().host_row), topic_(start(context, reasons)) {}

  static Result<std::unique_ptr<BpfTopic>> start(BpfContext& context, const DropReasons& reasons) {
    const int arguments = context.hook_arguments("kfree_skb");
    if (context.usable() && context.has_hook("kfree_skb") && arguments < kArgumentsWithReason) {
      context.capabilities().set("packet_drops", CapabilityReason::kNoHook);
      return fail(
          ErrorCode::kUnsupported,
          "packet_drops: this kernel's tracepoint kfree_skb tells no reason, as those from 5.17 on do; "
          "sonde_pod_network_receive_drops_total has what devices drop");
    }
    BpfOptions options = context.options();
    options.host_row = false;  // it has a row for each reason instead
    options.retention.begin_at_zero = true;
    options.retention.most_services = 0;
    options.retention.ended_unlisted =
        std::make_shared<std::atomic<uint64_t>>(0);  // containers' rows count them
    return BpfTopic::start(context,
                           {.topic = "packet_drops",
                            .open = open_skeleton<packet_drops_bpf>([&](packet_drops_bpf& skeleton) {
                              skeleton.rodata->settings = settings_of(context);
                              skeleton.rodata->tells_receiver = arguments >= kArgumentsWithReceiver;
                              skeleton.rodata->consumed = reasons.consumed();
                              std::ranges::copy(reasons.not_missed(), skeleton.rodata->not_missed);
                              std::ranges::copy(reasons.not_missed_of_tcp(),
                                                skeleton.rodata->not_missed_of_tcp);
                            }),
                            .not_wanted = {}},
                           sizeof(packet_drop_counts), options);
  }

  const std::array<CounterPart, 1> parts_{{{0}}};
  DropRows rows_;
  Result<std::unique_ptr<BpfTopic>> topic_;
};

}  // namespace

std::span<const metrics::MetricRow> packet_drops_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_packet_drops_collector(BpfContext& context) {
  return std::make_unique<PacketDropsCollector>(context);
}

}  // namespace sonde::exporter
