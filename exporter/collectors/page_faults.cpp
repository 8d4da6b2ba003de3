#include <array>
#include <cstddef>

#include "bpf/page_faults.h"
#include "bpf/page_faults.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 1> kMetrics{{
    {.name = "sonde_container_page_faults_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service,mode",
     .help = "Page faults by the mode they were taken in: user, or kernel on behalf of a task."},
}};

class PageFaultsCollector final : public Collector {
 public:
  explicit PageFaultsCollector(BpfContext& context)
      : topic_(BpfTopic::start(context, source(context), sizeof(page_fault_counts))) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    if (auto updated = topic.update(rows_of_containers(context.containers)); !updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), parts_);
    return {};
  }

 private:
  static BpfObjectSource source(const BpfContext& context) {
    // Half of the tracepoints would count half of the faults, and with the event twice: all or the event.
    const bool tracepoints = context.has_hook("page_fault_user") && context.has_hook("page_fault_kernel");
    return {.topic = "page_faults",
            .open = open_skeleton<page_faults_bpf>(
                [&context](page_faults_bpf& skeleton) { skeleton.rodata->settings = settings_of(context); }),
            .not_wanted = tracepoints ? std::vector<std::string>{"fault_event"}
                                      : std::vector<std::string>{"fault_user", "fault_kernel"}};
  }

  const std::array<CounterPart, 2> parts_{{
      {offsetof(page_fault_counts, user) / 8, {{"mode", "user"}}},
      {offsetof(page_fault_counts, kernel) / 8, {{"mode", "kernel"}}},
  }};
  Result<std::unique_ptr<BpfTopic>> topic_;
};

}  // namespace

std::span<const metrics::MetricRow> page_faults_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_page_faults_collector(BpfContext& context) {
  return std::make_unique<PageFaultsCollector>(context);
}

}  // namespace sonde::exporter
