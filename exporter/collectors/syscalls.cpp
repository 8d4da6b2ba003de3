#include <array>
#include <cstddef>
#include <optional>

#include "bpf/syscalls.h"
#include "bpf/syscalls.skel.h"
#include "exporter/bpf_collectors.h"
#include "exporter/bpf_settings.h"
#include "exporter/bpf_topic.h"
#include "exporter/collectors/syscall_sampler.h"

namespace sonde::exporter {
namespace {

constexpr std::array<metrics::MetricRow, 4> kMetrics{{
    {.name = "sonde_container_syscalls_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service",
     .help = "System calls; an estimate where the sampling ratio is below 1."},
    {.name = "sonde_container_mmap_calls_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service",
     .help =
         "Calls of mmap, those of 32-bit callers included; an estimate where the sampling ratio is below 1."},
    {.name = "sonde_container_file_opens_total",
     .type = metrics::MetricType::kCounter,
     .unit = "",
     .labels = "namespace,pod,container,service,result",
     .help = "Files opened by open, openat, openat2, creat and io_uring, by result; but for io_uring's an "
             "estimate where the sampling ratio is below 1."},
    {.name = "sonde_exporter_syscalls_sampling_ratio",
     .type = metrics::MetricType::kGauge,
     .unit = "ratio",
     .labels = "",
     .help = "Share of the time in which system calls are counted: 1 is exact, 0 is off."},
}};

/// The programs and whoever reads their map; `counted` reads through one of the two.
struct Counting {
  std::unique_ptr<BpfObject> object;
  SlotCounts counts;
  std::optional<SyscallSampler> sampler;
  std::optional<CountedRows> counted;

  explicit Counting(std::unique_ptr<BpfObject> loaded)
      : object(std::move(loaded)), counts(object->counts(sizeof(syscall_counts))) {}
};

Result<std::unique_ptr<Counting>> start(BpfContext& context, const SyscallsOptions& options) {
  const BpfObjectSource source{.topic = "syscalls",
                               .open = open_skeleton<syscalls_bpf>([&context](syscalls_bpf& skeleton) {
                                 skeleton.rodata->settings = settings_of(context);
                               }),
                               .not_wanted = {},
                               .held = {"uring_complete"}};
  auto object = BpfObject::load(context, source);
  if (!object) return tl::unexpected<Error>(object.error());
  // The first attach proves that the kernel takes the programs; a sampler detaches them again.
  if (const auto attached = (*object)->attach(); !attached) return tl::unexpected<Error>(attached.error());
  auto counting = std::make_unique<Counting>(std::move(*object));
  CountSource* counts = &counting->counts;
  if (options.mode == SyscallsMode::kSampled) {
    counting->object->detach();
    counts = &counting->sampler.emplace(*counting->object, counting->counts, options.sampling_ratio,
                                        options.sampling_period);
  }
  counting->counted.emplace(*counts, context.options());
  return counting;
}

class SyscallsCollector final : public Collector {
 public:
  SyscallsCollector(BpfContext& context, const SyscallsOptions& options) : mode_(options.mode) {
    if (mode_ == SyscallsMode::kOff) {
      context.capabilities().set("syscalls", CapabilityReason::kDisabled);
      return;
    }
    counting_ = start(context, options);
  }

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    if (mode_ != SyscallsMode::kOff) {
      if (!counting_) return tl::unexpected<Error>(counting_.error());
      if (auto written = write_counts(context, writer); !written) return written;
    }
    writer.family(kMetrics[3]);
    writer.sample(ratio());
    return {};
  }

 private:
  Result<void> write_counts(const CollectContext& context, metrics::SeriesWriter& writer) {
    CountedRows& counted = *(*counting_)->counted;
    if (auto updated = counted.update(rows_of_containers(context.containers), SteadyClock::now()); !updated) {
      return updated;
    }
    BpfObject& object = *(*counting_)->object;
    object.set_entries(counted.entries());
    if (object.has_program("sys_enter")) {
      write_counters(writer, kMetrics[0], counted, calls_);
      write_counters(writer, kMetrics[1], counted, mmaps_);
    }
    if (object.has_program("sys_exit")) write_counters(writer, kMetrics[2], counted, opens_);
    return {};
  }

  [[nodiscard]] double ratio() const {
    if (mode_ == SyscallsMode::kOff) return 0;
    return (*counting_)->sampler ? (*counting_)->sampler->share() : 1;
  }

  const std::array<CounterPart, 1> calls_{{{offsetof(syscall_counts, syscalls) / 8}}};
  const std::array<CounterPart, 1> mmaps_{{{offsetof(syscall_counts, mmap_calls) / 8}}};
  const std::array<CounterPart, 2> opens_{{
      {offsetof(syscall_counts, opens_succeeded) / 8,
       {{"result", "success"}},
       offsetof(syscall_counts, uring_opens_succeeded) / 8},
      {offsetof(syscall_counts, opens_failed) / 8,
       {{"result", "failure"}},
       offsetof(syscall_counts, uring_opens_failed) / 8},
  }};
  SyscallsMode mode_;
  Result<std::unique_ptr<Counting>> counting_ = fail(ErrorCode::kUnsupported, "syscalls: off");
};

}  // namespace

Result<SyscallsMode> parse_syscalls_mode(std::string_view word) {
  if (word == "exact") return SyscallsMode::kExact;
  if (word == "sampled") return SyscallsMode::kSampled;
  if (word == "off") return SyscallsMode::kOff;
  return fail(ErrorCode::kInvalid,
              "--collector.syscalls.mode: '" + std::string(word) + "' is none of exact, sampled, off");
}

std::span<const metrics::MetricRow> syscalls_metrics() {
  return kMetrics;
}

std::unique_ptr<Collector> make_syscalls_collector(BpfContext& context, const SyscallsOptions& options) {
  return std::make_unique<SyscallsCollector>(context, options);
}

}  // namespace sonde::exporter
