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
constexpr MetricRow kKinds{
    "sonde_container_memory_kind_bytes", MetricType::kGauge, "bytes", "namespace,pod,container,service,kind",
    "Memory of the container by kind: mapped_file (files mapped by processes), shmem (tmpfs and shared "
    "memory), "
    "dirty (to be written back), writeback (being written back), unevictable. Kinds overlap."};
constexpr std::array kRows{kUsage, kLimit, kWorkingSet, kCache, kRss, kKinds, kPageFaults};

constexpr std::array<std::string_view, 5> kKindWords{"mapped_file", "shmem", "dirty", "writeback",
                                                     "unevictable"};
constexpr size_t kKindCount = kKindWords.size();

/// v1 writes "no limit" as the largest multiple of the page size; nobody sets a limit above 4 EiB.
constexpr uint64_t kUnlimited = uint64_t{1} << 62;

/// The names of one version's files and keys.
struct Version {
  Hierarchy hierarchy;
  std::string_view usage_file, limit_file;
  std::string_view inactive_file, cache, rss, faults, major_faults;
  std::array<std::string_view, kKindCount> kinds;  ///< in the order of kKindWords
};
/// total_…: descendants included, as v2 always does.
constexpr Version kV1{
    Hierarchy::kMemory,
    "memory.usage_in_bytes",
    "memory.limit_in_bytes",
    "total_inactive_file",
    "total_cache",
    "total_rss",
    "total_pgfault",
    "total_pgmajfault",
    {"total_mapped_file", "total_shmem", "total_dirty", "total_writeback", "total_unevictable"}};
constexpr Version kV2{Hierarchy::kUnified,
                      "memory.current",
                      "memory.max",
                      "inactive_file",
                      "file",
                      "anon",
                      "pgfault",
                      "pgmajfault",
                      {"file_mapped", "shmem", "file_dirty", "file_writeback", "unevictable"}};

struct Reading {
  std::optional<uint64_t> usage, limit, working_set, cache, rss;
  std::array<std::optional<uint64_t>, kKindCount> kinds;
};

class CgroupMemory final : public Collector {
 public:
  explicit CgroupMemory(const Environment& environment)
      : files_(environment, "cgroup_memory"), faults_(2, environment.retention) {
    for (const std::string_view word : kKindWords) kinds_.push_back(metrics::Labels{{"kind", word}});
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    const auto containers = context.containers.containers();
    std::vector<Reading> readings;
    readings.reserve(containers.size());
    faults_.begin();
    for (const Container& container : containers) readings.push_back(read(container));
    files_.end_scrape();
    faults_.finish(context.containers, SteadyClock::now());

    const ContainerGauges<Reading> gauges(containers, readings, writer);
    gauges.write(kUsage, &Reading::usage);
    gauges.write(kLimit, &Reading::limit);
    gauges.write(kWorkingSet, &Reading::working_set);
    gauges.write(kCache, &Reading::cache);
    gauges.write(kRss, &Reading::rss);
    writer.family(kKinds);
    for (size_t i = 0; i < containers.size(); ++i) {
      if (!containers[i].shown) continue;
      for (size_t kind = 0; kind < kKindCount; ++kind) {
        const auto& bytes = readings[i].kinds[kind];
        if (bytes) writer.sample(containers[i].labels, kinds_[kind], static_cast<double>(*bytes));
      }
    }
    faults_.write(writer, kPageFaults, fault_kinds_);
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
    std::optional<uint64_t> major_faults;
    identity::for_each_key(*text, [&](std::string_view key, uint64_t value) {
      if (key == version.inactive_file) inactive_file = value;
      if (key == version.cache) reading.cache = value;
      if (key == version.rss) reading.rss = value;
      if (key == version.faults) faults = value;
      if (key == version.major_faults) major_faults = value;
      for (size_t kind = 0; kind < kKindCount; ++kind) {
        if (key == version.kinds[kind]) reading.kinds[kind] = value;
      }
    });
    if (!inactive_file || !reading.cache || !reading.rss || !faults || !major_faults) {
      files_.count_malformed();
    }
    if (reading.usage && inactive_file)
      reading.working_set = *reading.usage - std::min(*reading.usage, *inactive_file);
    // The kernel counts a major fault when it begins and any fault when it ends, so the difference can fall
    // by the faults under way.
    if (faults && major_faults) {
      faults_.set(container, std::array{*faults - std::min(*faults, *major_faults), *major_faults});
    }
  }

  const metrics::Labels minor_{{"kind", "minor"}};
  const metrics::Labels major_{{"kind", "major"}};
  const std::array<ReadTotals::Part, 2> fault_kinds_{{{0, minor_}, {1, major_}}};
  std::vector<metrics::Labels> kinds_;
  CgroupFiles files_;
  ReadTotals faults_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_memory_collector(const Environment& environment) {
  return std::make_unique<CgroupMemory>(environment);
}

std::span<const MetricRow> cgroup_memory_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
