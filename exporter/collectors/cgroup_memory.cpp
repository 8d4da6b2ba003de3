#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>
#include <vector>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service";
constexpr MetricRow kUsage{"sonde_container_memory_usage_bytes", MetricType::kGauge, "bytes", kLabels,
                           "Memory charged to the container, page cache included."};
constexpr MetricRow kLimit{"sonde_container_memory_limit_bytes", MetricType::kGauge, "bytes", kLabels,
                           "Memory allowed by the container's own limit; absent without one."};
constexpr MetricRow kWorkingSet{
    "sonde_container_memory_working_set_bytes", MetricType::kGauge, "bytes", kLabels,
    "Memory in use: usage without inactive file pages, which the kernel can drop at once."};
constexpr MetricRow kCache{"sonde_container_memory_cache_bytes", MetricType::kGauge, "bytes", kLabels,
                           "Page cache of the container, shared memory included."};
constexpr MetricRow kRss{"sonde_container_memory_rss_bytes", MetricType::kGauge, "bytes", kLabels,
                         "Anonymous memory of the container."};
constexpr MetricRow kPageFaults{
    "sonde_container_memory_page_faults_total", MetricType::kCounter, "",
    "namespace,pod,container,service,kind",
    "Page faults as the memory controller counts them: kind minor needed no I/O, major did."};
constexpr std::array kRows{kUsage, kLimit, kWorkingSet, kCache, kRss, kPageFaults};

/// v1 writes "no limit" as the largest multiple of the page size; nobody sets a limit above 4 EiB.
constexpr uint64_t kUnlimited = uint64_t{1} << 62;

/// The names of one version's files and keys.
struct Version {
  Hierarchy hierarchy;
  std::string_view usage_file, limit_file;
  std::string_view inactive_file, cache, rss, faults, major_faults;
};
/// total_…: descendants included, as v2 always does.
constexpr Version kV1{Hierarchy::kMemory,    "memory.usage_in_bytes", "memory.limit_in_bytes",
                      "total_inactive_file", "total_cache",           "total_rss",
                      "total_pgfault",       "total_pgmajfault"};
constexpr Version kV2{Hierarchy::kUnified, "memory.current", "memory.max", "inactive_file", "file", "anon",
                      "pgfault",           "pgmajfault"};

struct Reading {
  std::optional<uint64_t> usage, limit, working_set, cache, rss, minor_faults, major_faults;
};

class CgroupMemory final : public Collector {
 public:
  explicit CgroupMemory(const Environment& environment) : files_(environment, "cgroup_memory") {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    std::vector<Reading> readings;
    readings.reserve(containers.size());
    for (const Container& container : containers) readings.push_back(read(container));
    files_.end_scrape();
    keep_rising(containers, readings);

    const auto write = [&](const MetricRow& row, std::optional<uint64_t> Reading::* value) {
      writer.family(row);
      for (size_t i = 0; i < containers.size(); ++i) {
        if (readings[i].*value)
          writer.sample(containers[i].labels, static_cast<double>(*(readings[i].*value)));
      }
    };
    write(kUsage, &Reading::usage);
    write(kLimit, &Reading::limit);
    write(kWorkingSet, &Reading::working_set);
    write(kCache, &Reading::cache);
    write(kRss, &Reading::rss);
    writer.family(kPageFaults);
    for (size_t i = 0; i < containers.size(); ++i) {
      if (!readings[i].major_faults) continue;
      writer.sample(containers[i].labels, minor_, static_cast<double>(*readings[i].minor_faults));
      writer.sample(containers[i].labels, major_, static_cast<double>(*readings[i].major_faults));
    }
    return {};
  }

 private:
  Reading read(const Container& container) {
    Reading reading;
    const auto hierarchy = CgroupFiles::hierarchy_of(container, Hierarchy::kMemory);
    if (!hierarchy) return reading;
    const Version& version = *hierarchy == Hierarchy::kMemory ? kV1 : kV2;
    reading.usage = files_.read_number(container, version.hierarchy, version.usage_file);
    read_limit(container, version, reading);
    read_stat(container, version, reading);
    return reading;
  }

  void read_limit(const Container& container, const Version& version, Reading& reading) {
    const auto text = files_.read(container, version.hierarchy, version.limit_file);
    if (!text || *text == "max\n") return;
    const auto limit = identity::parse_integer<uint64_t>(*text);
    if (!limit) return files_.count_malformed();
    if (*limit < kUnlimited) reading.limit = limit;
  }

  void read_stat(const Container& container, const Version& version, Reading& reading) {
    const auto text = files_.read(container, version.hierarchy, "memory.stat");
    if (!text) return;
    std::optional<uint64_t> inactive_file;
    std::optional<uint64_t> faults;
    identity::for_each_key(*text, [&](std::string_view key, uint64_t value) {
      if (key == version.inactive_file) inactive_file = value;
      if (key == version.cache) reading.cache = value;
      if (key == version.rss) reading.rss = value;
      if (key == version.faults) faults = value;
      if (key == version.major_faults) reading.major_faults = value;
    });
    if (!inactive_file || !reading.cache || !reading.rss || !faults || !reading.major_faults) {
      files_.count_malformed();
    }
    if (reading.usage && inactive_file)
      reading.working_set = *reading.usage - std::min(*reading.usage, *inactive_file);
    if (faults && reading.major_faults) {
      reading.minor_faults = *faults - std::min(*faults, *reading.major_faults);
    } else {
      reading.major_faults.reset();
    }
  }

  /// The kernel counts a major fault when it begins and any fault when it ends, so the difference can fall by
  /// the faults under way; a counter must not.
  void keep_rising(std::span<const Container> containers, std::vector<Reading>& readings) {
    std::unordered_map<uint64_t, uint64_t> now;
    for (size_t i = 0; i < containers.size(); ++i) {
      if (!readings[i].minor_faults) continue;
      const auto hierarchy = *CgroupFiles::hierarchy_of(containers[i], Hierarchy::kMemory);
      const uint64_t id = containers[i].cgroup_ids[static_cast<size_t>(hierarchy)] * 2 +
                          (hierarchy == Hierarchy::kMemory ? 1 : 0);
      if (const auto before = minor_faults_.find(id); before != minor_faults_.end()) {
        readings[i].minor_faults = std::max(*readings[i].minor_faults, before->second);
      }
      now[id] = *readings[i].minor_faults;
    }
    minor_faults_ = std::move(now);
  }

  const metrics::Labels minor_{{"kind", "minor"}};
  const metrics::Labels major_{{"kind", "major"}};
  CgroupFiles files_;
  std::unordered_map<uint64_t, uint64_t> minor_faults_;  ///< as last written, by cgroup
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_memory_collector(const Environment& environment) {
  return std::make_unique<CgroupMemory>(environment);
}

std::span<const MetricRow> cgroup_memory_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
