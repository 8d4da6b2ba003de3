#include <array>
#include <cstddef>

#include "bpf/block_io.h"
#include "bpf/block_io.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 2> kMetrics{{
    {.name = "sonde_container_block_requests_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service,operation",
     .help = "Block device requests sent to drivers: read, write, flush, discard, other. On cgroup v1 the "
             "background "
             "write-back of buffered data has no owner and is the host row's."},
    {.name = "sonde_container_block_bytes_total",
     .type = metrics::MetricType::kCounter,
     .unit = "bytes",
     .labels = "namespace,pod,container,service,operation",
     .help = "Bytes of the block device requests sent to drivers."},
}};

constexpr std::array<std::string_view, SONDE_BLOCK_OPERATIONS> kOperations{"read", "write", "flush",
                                                                           "discard", "other"};

class BlockIoCollector final : public Collector {
 public:
  explicit BlockIoCollector(BpfContext& context)
      : topic_(BpfTopic::start(context, source(context), sizeof(block_counts))) {
    for (size_t i = 0; i < kOperations.size(); ++i) {
      const metrics::Labels label{{"operation", kOperations[i]}};
      requests_.push_back({offsetof(block_counts, requests) / 8 + i, label});
      bytes_.push_back({offsetof(block_counts, bytes) / 8 + i, label});
    }
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    if (auto updated = topic.update(rows_of_containers(context.containers)); !updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), requests_);
    write_counters(writer, kMetrics[1], topic.counted(), bytes_);
    return {};
  }

 private:
  static BpfObjectSource source(const BpfContext& context) {
    return {.topic = "block_io",
            .open = open_skeleton<block_io_bpf>(
                [&context](block_io_bpf& skeleton) { skeleton.rodata->settings = settings_of(context); }),
            .not_wanted = {},
            .needed = {"rq_issue"}};
  }

  Result<std::unique_ptr<BpfTopic>> topic_;
  std::vector<CounterPart> requests_;
  std::vector<CounterPart> bytes_;
};

}  // namespace

std::span<const metrics::MetricRow> block_io_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_block_io_collector(BpfContext& context) {
  return std::make_unique<BlockIoCollector>(context);
}

}  // namespace sonde::exporter
