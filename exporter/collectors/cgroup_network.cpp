#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/ended_family.h"
#include "exporter/net_dev.h"
#include "exporter/pod_rows.h"
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

/// How long the counters of a pod without process, or whose container starts anew, are remembered.
constexpr auto kPodsKept = std::chrono::minutes(10);

/// The counters of a pod's interfaces when they were last read.
struct PodDevices {
  std::map<std::string, NetDevCounters, std::less<>> last;  ///< by interface
  SteadyTime seen_at;

  /// What was added since; an interface that went is no loss, one that starts anew counts from 0.
  NetDevCounters increments(const NetDev& now) {
    NetDevCounters increments{};
    std::map<std::string, NetDevCounters, std::less<>> next;
    for (const NetDevice& device : now.devices) {
      if (device.name == "lo") continue;
      const auto before = last.find(device.name);
      for (size_t i = 0; i < kNetDevCounters; ++i) {
        const uint64_t value = device.counters[i];
        const bool continues = before != last.end() && before->second[i] <= value;
        increments[i] += continues ? value - before->second[i] : value;
      }
      next.emplace(device.name, device.counters);
    }
    last = std::move(next);
    return increments;
  }
};

class CgroupNetwork final : public Collector {
 public:
  explicit CgroupNetwork(const Environment& environment)
      : environment_(&environment), totals_(kNetDevCounters, environment.retention) {
    environment.read_failures->declare(kName);
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const SteadyTime now = SteadyClock::now();
    std::vector<PodRows::Pod> pods = pods_.update(context.containers);
    std::unordered_map<uint64_t, NetDevCounters> increments;
    for (const PodRows::Pod& pod : pods) {
      if (auto renamed = devices_.extract(pod.earlier_key)) {
        renamed.key() = pod.key;
        devices_.insert(std::move(renamed));
      }
      PodDevices& devices = devices_[pod.key];
      devices.seen_at = now;
      if (const auto more = read(*pod.container, devices)) increments.emplace(pod.life, *more);
    }
    std::erase_if(devices_, [now](const auto& entry) { return now - entry.second.seen_at >= kPodsKept; });
    // Whose interfaces could never be read has no row.
    std::erase_if(pods, [&](const PodRows::Pod& pod) {
      return !increments.contains(pod.life) && !totals_.knows(pod.life);
    });
    totals_.begin(PodRows::owners_of(pods), now);
    for (const auto& [life, more] : increments) totals_.add(life, more);
    totals_.finish(now);

    const auto write_rows = [&writer](std::span<const ContainerTotals::Row* const> rows, size_t field) {
      for (const ContainerTotals::Row* row : rows) {
        writer.sample(row->labels, static_cast<double>(row->totals[field]));
      }
    };
    for (size_t i = 0; i < kNetDevCounters; ++i) {
      writer.family(kRows[i]);
      write_rows(totals_.rows(), i);
      if (totals_.ended().empty()) continue;
      writer.family(ended_family(kRows[i]));
      write_rows(totals_.ended(), i);
    }
    return {};
  }

 private:
  std::optional<NetDevCounters> read(const Container& container, PodDevices& pod) {
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
    return pod.increments(devices);
  }

  std::nullopt_t failed(ReadFailure failure) {
    environment_->read_failures->add(kName, failure);
    return std::nullopt;
  }

  const Environment* environment_;
  PodRows pods_;
  ContainerTotals totals_;
  std::unordered_map<std::string, PodDevices> devices_;  ///< by network namespace and the pod's labels
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_network_collector(const Environment& environment) {
  return std::make_unique<CgroupNetwork>(environment);
}

std::span<const MetricRow> cgroup_network_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
