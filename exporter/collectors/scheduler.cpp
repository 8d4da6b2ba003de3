#include <array>
#include <cstddef>

#include "bpf/scheduler.h"
#include "bpf/scheduler.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 2> kMetrics{{
    {.name = "sonde_container_context_switches_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service",
     .help = "Times a task left a CPU, by its own will or not."},
    {.name = "sonde_container_run_queue_delay_seconds",
     .type = metrics::MetricType::kHistogram,
     .unit = "seconds",
     .labels = "namespace,pod,container,service",
     .help = "Waits of tasks from runnable (woken or preempted) to running, counted when they leave the CPU "
             "again."},
}};

/// As scheduler.bpf.c's delay_bucket(): 1 µs × 4^i.
constexpr std::array<double, SONDE_DELAY_BUCKETS - 1> kUpperBounds{
    1e-6, 4e-6, 16e-6, 64e-6, 256e-6, 1024e-6, 4096e-6, 16384e-6, 65536e-6, 262144e-6, 1048576e-6};
constexpr double kNanosecondsPerSecond = 1e9;

constexpr size_t kDelaySum = offsetof(scheduler_counts, delay_ns) / 8;
constexpr size_t kFirstDelay = offsetof(scheduler_counts, delays) / 8;

class SchedulerCollector final : public Collector {
 public:
  explicit SchedulerCollector(BpfContext& context)
      : waits_counted_(waits_counted(context)),
        topic_(BpfTopic::start(context, source(context), sizeof(scheduler_counts))) {
    if (context.usable()) context.capabilities().set("scheduler.sched_info", context.sched_info_reason());
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    if (auto updated = topic.update(rows_of_containers(context.containers)); !updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), parts_);
    if (waits_counted_) write_delays(topic, writer);
    return {};
  }

 private:
  static BpfObjectSource source(const BpfContext& context) {
    return {.topic = "scheduler",
            .open = open_skeleton<scheduler_bpf>([&context](scheduler_bpf& skeleton) {
              skeleton.rodata->settings = settings_of(context);
              skeleton.rodata->count_waits = waits_counted(context);
            }),
            .not_wanted = {},
            .needed = {"sched_switch"}};
  }

  static bool waits_counted(const BpfContext& context) {
    return context.sched_info_reason() == CapabilityReason::kAvailable;
  }

  static void write_delays(const BpfTopic& topic, metrics::SeriesWriter& writer) {
    writer.family(kMetrics[1]);
    for (const RowAccounts::Row* row : topic.counted().rows()) {
      writer.histogram(row->labels, kUpperBounds,
                       std::span(row->totals).subspan(kFirstDelay, SONDE_DELAY_BUCKETS),
                       static_cast<double>(row->totals[kDelaySum]) / kNanosecondsPerSecond);
    }
  }

  const std::array<CounterPart, 1> parts_{{{offsetof(scheduler_counts, switches) / 8}}};
  bool waits_counted_;
  Result<std::unique_ptr<BpfTopic>> topic_;
};

}  // namespace

std::span<const metrics::MetricRow> scheduler_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_scheduler_collector(BpfContext& context) {
  return std::make_unique<SchedulerCollector>(context);
}

}  // namespace sonde::exporter
