#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/net_dev.h"
#include "identity/cgroup_file.h"
#include "identity/network_namespace.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kName = "cgroup_network";
constexpr std::string_view kLabels = "namespace,pod,container,service";
/// In the order of NetDevCounter.
constexpr std::array<MetricRow, kNetDevCounters> kRows{{
    {"sonde_pod_network_receive_bytes_total", MetricType::kCounter, "bytes", kLabels,
     "Bytes received in the pod's network namespace, all interfaces but lo. Absent for the host's "
     "namespace."},
    {"sonde_pod_network_receive_packets_total", MetricType::kCounter, "", kLabels,
     "Packets received in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_receive_errors_total", MetricType::kCounter, "", kLabels,
     "Receive errors in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_receive_drops_total", MetricType::kCounter, "", kLabels,
     "Received packets dropped in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_transmit_bytes_total", MetricType::kCounter, "bytes", kLabels,
     "Bytes sent in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_transmit_packets_total", MetricType::kCounter, "", kLabels,
     "Packets sent in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_transmit_errors_total", MetricType::kCounter, "", kLabels,
     "Transmit errors in the pod's network namespace, all interfaces but lo."},
    {"sonde_pod_network_transmit_drops_total", MetricType::kCounter, "", kLabels,
     "Packets to send that were dropped in the pod's network namespace, all interfaces but lo."},
}};

/// How long a pod without process, or whose container starts anew, has its row kept to go on with.
constexpr auto kPodsKept = std::chrono::minutes(10);

/// A pod's row: rises with its interfaces' counters and does not fall where one of them goes or starts anew.
struct PodTotals {
  uint64_t network_namespace = 0;
  std::map<std::string, NetDevCounters, std::less<>> last;  ///< by interface
  NetDevCounters totals{};
  SteadyTime seen_at;

  void add(const NetDev& now) {
    std::map<std::string, NetDevCounters, std::less<>> next;
    for (const NetDevice& device : now.devices) {
      if (device.name == "lo") continue;
      const auto before = last.find(device.name);
      for (size_t i = 0; i < kNetDevCounters; ++i) {
        const uint64_t value = device.counters[i];
        const bool continues = before != last.end() && before->second[i] <= value;
        totals[i] += continues ? value - before->second[i] : value;
      }
      next.emplace(device.name, device.counters);
    }
    last = std::move(next);
  }
};

class CgroupNetwork final : public Collector {
 public:
  explicit CgroupNetwork(const Environment& environment) : environment_(&environment) {
    environment.read_failures->declare(kName);
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const SteadyTime now = SteadyClock::now();
    const auto containers = context.containers.containers();
    std::vector<std::pair<const Container*, NetDevCounters>> rows;
    for (const Container& container : containers) {
      if (container.network_namespace == 0) continue;
      PodTotals& pod = pods_[std::string(container.pod_labels.text())];
      pod.seen_at = now;
      if (read(container, pod)) rows.emplace_back(&container, pod.totals);
    }
    std::erase_if(pods_, [now](const auto& entry) { return now - entry.second.seen_at >= kPodsKept; });

    for (size_t i = 0; i < kNetDevCounters; ++i) {
      writer.family(kRows[i]);
      for (const auto& [container, totals] : rows) {
        writer.sample(container->pod_labels, static_cast<double>(totals[i]));
      }
    }
    return {};
  }

 private:
  bool read(const Container& container, PodTotals& pod) {
    const std::string process = std::to_string(container.process_id);
    const std::string& procfs = environment_->roots.procfs;
    // Not kept open: an open file of it would keep the whole network namespace alive.
    const auto text = identity::read_file(procfs + '/' + process + "/net/dev");
    // The process may have ended, and its number may be another's by now.
    if (identity::network_namespace_of(procfs, process) != container.network_namespace) {
      return failed(ReadFailure::kVanished);
    }
    if (!text) return failed(ReadFailure::kUnreadable);
    const NetDev devices = parse_net_dev(*text);
    if (devices.malformed > 0 || devices.devices.empty()) return failed(ReadFailure::kMalformed);
    if (pod.network_namespace != container.network_namespace) {
      pod.last.clear();
      pod.network_namespace = container.network_namespace;
    }
    pod.add(devices);
    return true;
  }

  bool failed(ReadFailure failure) {
    environment_->read_failures->add(kName, failure);
    return false;
  }

  const Environment* environment_;
  std::unordered_map<std::string, PodTotals> pods_;  ///< by the text of the pod's labels
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_network_collector(const Environment& environment) {
  return std::make_unique<CgroupNetwork>(environment);
}

std::span<const MetricRow> cgroup_network_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
