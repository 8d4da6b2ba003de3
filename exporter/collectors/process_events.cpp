#include <array>
#include <cstddef>

#include "bpf/process_events.h"
#include "bpf/process_events.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 1> kMetrics{{
    {.name = "sonde_container_process_events_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service,event",
     .help =
         "Processes made (fork), replaced (exec) and ended (exit); threads made beside a process's first."},
}};

/// Arguments of sched_process_exit where it says whether the last thread ended: the task and that.
constexpr int kArgumentsWithGroupDead = 2;

class ProcessEventsCollector final : public Collector {
 public:
  explicit ProcessEventsCollector(BpfContext& context)
      : topic_(BpfTopic::start(context, source(context), sizeof(process_event_counts))) {
    if (!topic_) return;
    const auto add = [this](const char* program, size_t offset, std::string_view event) {
      if ((*topic_)->object().has_program(program)) parts_.push_back({offset / 8, {{"event", event}}});
    };
    add("process_fork", offsetof(process_event_counts, forks), "fork");
    add("process_exec", offsetof(process_event_counts, execs), "exec");
    add("process_exit", offsetof(process_event_counts, exits), "exit");
    add("process_fork", offsetof(process_event_counts, threads), "thread");
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (!topic_) return tl::unexpected<Error>(topic_.error());
    BpfTopic& topic = **topic_;
    if (auto updated = topic.update(rows_of_containers(context.containers)); !updated) return updated;
    write_counters(writer, kMetrics[0], topic.counted(), parts_);
    return {};
  }

 private:
  static BpfObjectSource source(const BpfContext& context) {
    return {.topic = "process_events",
            .open = open_skeleton<process_events_bpf>([&context](process_events_bpf& skeleton) {
              skeleton.rodata->settings = settings_of(context);
              skeleton.rodata->exit_tells_group_dead =
                  context.hook_arguments("sched_process_exit") >= kArgumentsWithGroupDead;
            }),
            .not_wanted = {}};
  }

  Result<std::unique_ptr<BpfTopic>> topic_;
  std::vector<CounterPart> parts_;
};

}  // namespace

std::span<const metrics::MetricRow> process_events_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_process_events_collector(BpfContext& context) {
  return std::make_unique<ProcessEventsCollector>(context);
}

}  // namespace sonde::exporter
