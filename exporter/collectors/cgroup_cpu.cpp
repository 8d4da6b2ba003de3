#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/container_gauges.h"
#include "exporter/read_totals.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service";
constexpr MetricRow kUsage{"sonde_container_cpu_usage_seconds_total", MetricType::kCounter, "seconds",
                           kLabels, "CPU time used by the container."};
constexpr MetricRow kRequest{
    "sonde_container_cpu_request_cores", MetricType::kGauge, "cores", kLabels,
    "Processors asked for, from the container's share: cpu.shares / 1024, on cgroup v2 cpu.weight / 100. The "
    "weight of a runtime's container is first turned back into shares, weight = 1 + (shares - 2) * 9999 / "
    "262142, unless it is 100, the kernel's own. runc from 1.3.2 and crun from 1.23 on use another formula: "
    "there 1 processor is right, and requests of 0.1 to 4 come out 2 to 4 times as large."};
constexpr MetricRow kLimit{"sonde_container_cpu_limit_cores", MetricType::kGauge, "cores", kLabels,
                           "Processors allowed by the container's own quota; absent without one."};
constexpr MetricRow kPeriods{
    "sonde_container_cpu_quota_periods_total", MetricType::kCounter, "", kLabels,
    "Periods of the container's CPU quota in which it ran; absent where it never had a quota."};
constexpr MetricRow kThrottled{"sonde_container_cpu_throttled_periods_total", MetricType::kCounter, "",
                               kLabels, "Periods in which the container had used its CPU quota up."};
constexpr MetricRow kThrottledTime{
    "sonde_container_cpu_throttled_seconds_total", MetricType::kCounter, "seconds", kLabels,
    "Time for which the container was not run because its CPU quota was used up, summed over processors."};
constexpr std::array kRows{kUsage, kRequest, kLimit, kPeriods, kThrottled, kThrottledTime};

constexpr double kSharesOfOneCore = 1024;
constexpr double kWeightOfOneCore = 100;
constexpr uint64_t kDefaultWeight = 100;
constexpr double kNanosecondsPerSecond = 1e9;
constexpr uint64_t kNanosecondsPerMicrosecond = 1000;

struct Reading {
  std::optional<uint64_t> usage_ns;
  std::optional<double> request_cores;
  std::optional<double> limit_cores;
};

/// The processors that stand behind a weight of v2. Source: Kubernetes's KEP 2254, whose formula runc before
/// 1.3.2 and crun before 1.23 follow. cAdvisor inverts it likewise (google/cadvisor#3737). A container
/// without request of Docker or Podman has the kernel's own weight, as has one of 1 processor by the newer
/// formula.
double cores_of_weight(uint64_t weight, bool of_runtime) {
  if (!of_runtime || weight == kDefaultWeight) return static_cast<double>(weight) / kWeightOfOneCore;
  const uint64_t shares = 2 + (std::max<uint64_t>(weight, 1) - 1) * 262142 / 9999;
  return static_cast<double>(shares) / kSharesOfOneCore;
}

/// What cpu.stat tells of the quota.
struct Throttling {
  uint64_t periods = 0;
  uint64_t throttled = 0;
  uint64_t throttled_ns = 0;
};

class CgroupCpu final : public Collector {
 public:
  explicit CgroupCpu(const Environment& environment)
      : files_(environment, "cgroup_cpu"),
        usage_(1, environment.retention),
        throttling_(3, environment.retention) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    std::vector<Reading> readings;
    readings.reserve(containers.size());
    usage_.begin();
    throttling_.begin();
    for (const Container& container : containers) {
      const Reading& reading = readings.emplace_back(read(container));
      if (reading.usage_ns) usage_.set(container, std::array{*reading.usage_ns});
    }
    files_.end_scrape();
    const SteadyTime now = SteadyClock::now();
    usage_.finish(context.containers, now);
    throttling_.finish(context.containers, now);

    const ContainerGauges<Reading> gauges(containers, readings, writer);
    usage_.write(writer, kUsage, first_, kNanosecondsPerSecond);
    gauges.write(kRequest, &Reading::request_cores);
    gauges.write(kLimit, &Reading::limit_cores);
    throttling_.write(writer, kPeriods, first_);
    throttling_.write(writer, kThrottled, second_);
    throttling_.write(writer, kThrottledTime, third_, kNanosecondsPerSecond);
    return {};
  }

 private:
  Reading read(const Container& container) {
    Reading reading;
    const auto accounting = CgroupFiles::hierarchy_of(container, Hierarchy::kCpuacct);
    const auto scheduling = CgroupFiles::hierarchy_of(container, Hierarchy::kCpu);
    if (accounting == Hierarchy::kCpuacct) {
      reading.usage_ns = files_.read_number(container, Hierarchy::kCpuacct, "cpuacct.usage");
    }
    if (scheduling) read_stat(container, *scheduling, accounting == Hierarchy::kUnified, reading);
    if (scheduling == Hierarchy::kCpu) {
      if (const auto shares = files_.read_number(container, Hierarchy::kCpu, "cpu.shares")) {
        reading.request_cores = static_cast<double>(*shares) / kSharesOfOneCore;
      }
      reading.limit_cores = limit_of_v1(container);
    } else if (scheduling) {
      if (const auto weight = files_.read_number(container, Hierarchy::kUnified, "cpu.weight")) {
        const bool of_runtime = identity::parse_container_cgroup(container.path).has_value();
        reading.request_cores = cores_of_weight(*weight, of_runtime);
      }
      reading.limit_cores = limit_of_v2(container);
    } else if (accounting == Hierarchy::kUnified) {
      read_stat(container, Hierarchy::kUnified, true, reading);
    }
    return reading;
  }

  /// Reads cpu.stat, which tells the usage on v2 only, and the quota's counts where the controller is on.
  void read_stat(const Container& container, Hierarchy hierarchy, bool usage_wanted, Reading& reading) {
    const auto text = files_.read(container, hierarchy, "cpu.stat");
    if (!text) return;
    Throttling throttling;
    identity::for_each_key(*text, [&](std::string_view key, uint64_t value) {
      if (key == "usage_usec" && usage_wanted) reading.usage_ns = value * kNanosecondsPerMicrosecond;
      if (key == "nr_periods") throttling.periods = value;
      if (key == "nr_throttled") throttling.throttled = value;
      if (key == "throttled_time") throttling.throttled_ns = value;
      if (key == "throttled_usec") throttling.throttled_ns = value * kNanosecondsPerMicrosecond;
    });
    if (usage_wanted && !reading.usage_ns) files_.count_malformed();
    if (throttling.periods == 0) return;
    throttling_.set(container, std::array{throttling.periods, throttling.throttled, throttling.throttled_ns});
  }

  std::optional<double> limit_of_v1(const Container& container) {
    const auto text = files_.read(container, Hierarchy::kCpu, "cpu.cfs_quota_us");
    if (!text) return std::nullopt;
    const auto quota = identity::parse_integer<int64_t>(*text);
    if (!quota) files_.count_malformed();
    if (!quota || *quota <= 0) return std::nullopt;  // -1: unlimited
    const auto period = files_.read_number(container, Hierarchy::kCpu, "cpu.cfs_period_us");
    if (!period || *period == 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
  }

  std::optional<double> limit_of_v2(const Container& container) {
    const auto text =
        files_.read(container, Hierarchy::kUnified, "cpu.max");  // "max 100000" or "50000 100000"
    if (!text) return std::nullopt;
    const size_t blank = text->find(' ');
    const std::string_view quota_word = text->substr(0, blank);
    const auto quota = identity::parse_integer<uint64_t>(quota_word);
    const auto period = blank == std::string_view::npos
                            ? std::nullopt
                            : identity::parse_integer<uint64_t>(text->substr(blank + 1));
    if ((!quota && quota_word != "max") || !period || *period == 0) {
      files_.count_malformed();
      return std::nullopt;
    }
    if (!quota) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
  }

  const std::array<ReadTotals::Part, 1> first_{{{0}}};
  const std::array<ReadTotals::Part, 1> second_{{{1}}};
  const std::array<ReadTotals::Part, 1> third_{{{2}}};
  CgroupFiles files_;
  ReadTotals usage_;
  ReadTotals throttling_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_cpu_collector(const Environment& environment) {
  return std::make_unique<CgroupCpu>(environment);
}

std::span<const MetricRow> cgroup_cpu_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
