#include <array>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/read_totals.h"
#include "exporter/v2_files.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service,operation";
constexpr MetricRow kBytes{
    "sonde_container_io_bytes_total", MetricType::kCounter, "bytes", kLabels,
    "Bytes read from, written to and discarded on block devices, from io.stat: cgroup v2 only; on v1 see "
    "sonde_container_block_bytes_total."};
constexpr MetricRow kRequests{
    "sonde_container_io_requests_total", MetricType::kCounter, "", kLabels,
    "Requests to block devices by operation (read, write, discard), from io.stat: cgroup v2 only."};
constexpr std::array kRows{kBytes, kRequests};

class CgroupIo final : public Collector {
 public:
  explicit CgroupIo(const Environment& environment)
      : files_(environment, "cgroup_io"), totals_(6, environment.retention) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    totals_.begin();
    for (const Container& container : context.containers.containers()) {
      const auto text = files_.read(container, Hierarchy::kUnified, "io.stat");
      if (!text) continue;
      const auto stat = parse_io_stat(*text);
      if (!stat) {
        files_.count_malformed();
        continue;
      }
      totals_.set(container, std::array{stat->read_bytes, stat->written_bytes, stat->discarded_bytes,
                                        stat->reads, stat->writes, stat->discards});
    }
    files_.end_scrape();
    totals_.finish(context.containers, SteadyClock::now());
    totals_.write(writer, kBytes, bytes_);
    totals_.write(writer, kRequests, requests_);
    return {};
  }

 private:
  const metrics::Labels read_{{"operation", "read"}};
  const metrics::Labels write_{{"operation", "write"}};
  const metrics::Labels discard_{{"operation", "discard"}};
  const std::array<ReadTotals::Part, 3> bytes_{{{0, read_}, {1, write_}, {2, discard_}}};
  const std::array<ReadTotals::Part, 3> requests_{{{3, read_}, {4, write_}, {5, discard_}}};
  CgroupFiles files_;
  ReadTotals totals_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_io_collector(const Environment& environment) {
  return std::make_unique<CgroupIo>(environment);
}

std::span<const MetricRow> cgroup_io_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
