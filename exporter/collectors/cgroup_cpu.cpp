#include <array>
#include <optional>
#include <vector>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"

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
    "Processors asked for, an estimate from the container's share: cpu.shares / 1024 or cpu.weight / 100, as "
    "the "
    "kernel relates the two. Runtimes translate requests to weights in different ways."};
constexpr MetricRow kLimit{"sonde_container_cpu_limit_cores", MetricType::kGauge, "cores", kLabels,
                           "Processors allowed by the container's own quota; absent without one."};
constexpr std::array kRows{kUsage, kRequest, kLimit};

constexpr double kSharesOfOneCore = 1024;
constexpr double kWeightOfOneCore = 100;

struct Reading {
  std::optional<double> usage_seconds;
  std::optional<double> request_cores;
  std::optional<double> limit_cores;
};

class CgroupCpu final : public Collector {
 public:
  explicit CgroupCpu(const Environment& environment) : files_(environment, "cgroup_cpu") {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    std::vector<Reading> readings;
    readings.reserve(containers.size());
    for (const Container& container : containers) readings.push_back(read(container));
    files_.end_scrape();

    const auto write = [&](const MetricRow& row, std::optional<double> Reading::* value) {
      writer.family(row);
      for (size_t i = 0; i < containers.size(); ++i) {
        if (readings[i].*value) writer.sample(containers[i].labels, *(readings[i].*value));
      }
    };
    write(kUsage, &Reading::usage_seconds);
    write(kRequest, &Reading::request_cores);
    write(kLimit, &Reading::limit_cores);
    return {};
  }

 private:
  Reading read(const Container& container) {
    Reading reading;
    const auto accounting = CgroupFiles::hierarchy_of(container, Hierarchy::kCpuacct);
    const auto scheduling = CgroupFiles::hierarchy_of(container, Hierarchy::kCpu);
    if (accounting == Hierarchy::kCpuacct) {
      if (const auto ns = files_.read_number(container, Hierarchy::kCpuacct, "cpuacct.usage")) {
        reading.usage_seconds = static_cast<double>(*ns) / 1e9;
      }
    } else if (accounting) {
      reading.usage_seconds = usage_of_v2(container);
    }
    if (scheduling == Hierarchy::kCpu) {
      if (const auto shares = files_.read_number(container, Hierarchy::kCpu, "cpu.shares")) {
        reading.request_cores = static_cast<double>(*shares) / kSharesOfOneCore;
      }
      reading.limit_cores = limit_of_v1(container);
    } else if (scheduling) {
      if (const auto weight = files_.read_number(container, Hierarchy::kUnified, "cpu.weight")) {
        reading.request_cores = static_cast<double>(*weight) / kWeightOfOneCore;
      }
      reading.limit_cores = limit_of_v2(container);
    }
    return reading;
  }

  std::optional<double> usage_of_v2(const Container& container) {
    const auto text = files_.read(container, Hierarchy::kUnified, "cpu.stat");
    if (!text) return std::nullopt;
    std::optional<double> seconds;
    identity::for_each_key(*text, [&](std::string_view key, uint64_t value) {
      if (key == "usage_usec") seconds = static_cast<double>(value) / 1e6;
    });
    if (!seconds) files_.count_malformed();
    return seconds;
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

  CgroupFiles files_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_cpu_collector(const Environment& environment) {
  return std::make_unique<CgroupCpu>(environment);
}

std::span<const MetricRow> cgroup_cpu_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
