#include <array>
#include <fstream>
#include <utility>

#include "bpf/errors.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_map.h"
#include "exporter/bpf_program.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 5> kMetrics{{
    {.name = "sonde_exporter_bpf_lost_events_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "topic,reason",
     .help = "Events that BPF programs saw and could not count."},
    {.name = "sonde_exporter_bpf_map_entries",
     .type = metrics::MetricType::kGauge,
     .unit = "",
     .labels = "topic",
     .help = "Entries in the topic's map of counts."},
    {.name = "sonde_exporter_bpf_map_entries_max",
     .type = metrics::MetricType::kGauge,
     .unit = "",
     .labels = "topic",
     .help = "Entries that fit into the topic's map of counts."},
    {.name = "sonde_exporter_bpf_runs_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "topic,program",
     .help = "Runs of a BPF program; absent while the sysctl kernel.bpf_stats_enabled is off."},
    {.name = "sonde_exporter_bpf_run_seconds_total",
     .type = metrics::MetricType::kCounter,
     .unit = "seconds",
     .labels = "topic,program",
     .help = "Time that a BPF program ran; absent while the sysctl kernel.bpf_stats_enabled is off."},
}};

/// By enum sonde_error.
constexpr std::array<std::string_view, SONDE_ERROR_COUNT> kReasons{
    "map_full", "map_busy", "ring_full", "requeued_full", "wait_evicted", "pairs_full"};
constexpr double kNanosecondsPerSecond = 1e9;

/// What one object says of itself.
struct Report {
  std::string topic;
  std::vector<uint64_t> errors;
  std::vector<ProgramStats> programs;
  std::optional<std::pair<size_t, size_t>> occupancy;  ///< entries and how many fit
};

class BpfSelfCollector final : public Collector {
 public:
  explicit BpfSelfCollector(BpfContext& context) : context_(context) {
    context.capabilities().set("bpf_self", context.usable_reason());
  }

  Result<void> collect(const CollectContext&, metrics::SeriesWriter& writer) override {
    if (const auto usable = context_.usable(); !usable) return usable;
    std::vector<Report> reports;
    context_.for_each_object([&reports](const BpfObject& object) {
      reports.push_back({object.topic(), object.errors(), object.stats(), object.occupancy()});
    });
    write_losses(reports, writer);
    write_occupancy(reports, writer);
    if (stats_enabled()) write_runs(reports, writer);
    return {};
  }

 private:
  [[nodiscard]] bool stats_enabled() const {
    std::ifstream file(context_.options().procfs + "/sys/kernel/bpf_stats_enabled");
    int enabled = 0;
    return (file >> enabled) && enabled != 0;
  }

  static void write_losses(const std::vector<Report>& reports, metrics::SeriesWriter& writer) {
    writer.family(kMetrics[0]);
    for (const Report& report : reports) {
      for (size_t error = 0; error < kReasons.size(); ++error) {
        writer.sample(metrics::Labels{{"topic", report.topic}, {"reason", kReasons[error]}},
                      static_cast<double>(report.errors[error]));
      }
      uint64_t misses = 0;
      for (const ProgramStats& program : report.programs) misses += program.recursion_misses;
      writer.sample(metrics::Labels{{"topic", report.topic}, {"reason", "recursion"}},
                    static_cast<double>(misses));
    }
  }

  static void write_occupancy(const std::vector<Report>& reports, metrics::SeriesWriter& writer) {
    writer.family(kMetrics[1]);
    for (const Report& report : reports) {
      if (!report.occupancy) continue;
      writer.sample(metrics::Labels{{"topic", report.topic}}, static_cast<double>(report.occupancy->first));
    }
    writer.family(kMetrics[2]);
    for (const Report& report : reports) {
      if (!report.occupancy) continue;
      writer.sample(metrics::Labels{{"topic", report.topic}}, static_cast<double>(report.occupancy->second));
    }
  }

  static void write_runs(const std::vector<Report>& reports, metrics::SeriesWriter& writer) {
    const auto labels = [](const Report& report, const ProgramStats& program) {
      return metrics::Labels{{"topic", report.topic}, {"program", program.name}};
    };
    writer.family(kMetrics[3]);
    for (const Report& report : reports) {
      for (const ProgramStats& program : report.programs) {
        writer.sample(labels(report, program), static_cast<double>(program.run_count));
      }
    }
    writer.family(kMetrics[4]);
    for (const Report& report : reports) {
      for (const ProgramStats& program : report.programs) {
        writer.sample(labels(report, program),
                      static_cast<double>(program.run_time_ns) / kNanosecondsPerSecond);
      }
    }
  }

  BpfContext& context_;
};

}  // namespace

std::span<const metrics::MetricRow> bpf_self_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_bpf_self_collector(BpfContext& context) {
  return std::make_unique<BpfSelfCollector>(context);
}

}  // namespace sonde::exporter
