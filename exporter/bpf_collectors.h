#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "common/metrics/metric_row.h"
#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/collector.h"

/// The collectors that count in the kernel, and what they share. One program object each (bpf/README.md): a
/// topic whose programs cannot be loaded leaves the others alone and says why in the capability table.
namespace sonde::exporter {

/// How the syscall counts are taken. Being attached to the syscall path costs every syscall of the node.
enum class SyscallsMode {
  kExact,    ///< attached all the time: counts are exact
  kSampled,  ///< attached in windows of random phase for a share of the time, counts scaled by it
  kOff,      ///< never attached
};

/// Reads "exact", "sampled" or "off". Errors: kInvalid, naming the words allowed.
Result<SyscallsMode> parse_syscalls_mode(std::string_view word);

/// The defaults of mode sampled; docs/benchmarks.md shows what they cost and how far they err.
inline constexpr double kDefaultSamplingRatio = 0.05;
inline constexpr std::chrono::milliseconds kDefaultSamplingPeriod{5000};

struct SyscallsOptions {
  SyscallsMode mode = SyscallsMode::kSampled;
  double sampling_ratio = kDefaultSamplingRatio;                       ///< 0 < ratio <= 1; mode sampled
  std::chrono::milliseconds sampling_period = kDefaultSamplingPeriod;  ///< one window in each; mode sampled
};

// Factories load and attach their programs at once and never fail: where the kernel refuses, the capability
// table says why and each collect() returns that error.
//
// A row is the sum of what a container's cgroups did since the exporter started and never falls. For that the
// collectors rely on the container table to name the owner of a cgroup that was removed since the last
// scrape: `ContainerTable::find` still knows the id of a removed descendant for at least one scrape after its
// removal.

/// Syscalls, mmap calls, files opened: the three share the syscall path and the mode.
std::unique_ptr<Collector> make_syscalls_collector(BpfContext& context, const SyscallsOptions& options);
std::unique_ptr<Collector> make_page_faults_collector(BpfContext& context);
std::unique_ptr<Collector> make_process_events_collector(BpfContext& context);
/// Context switches and the run-queue delay histogram.
std::unique_ptr<Collector> make_scheduler_collector(BpfContext& context);
std::unique_ptr<Collector> make_block_io_collector(BpfContext& context);
/// Rows of pods (Container::pod_labels).
std::unique_ptr<Collector> make_tcp_retransmits_collector(BpfContext& context);
/// Rows of pods and reasons.
std::unique_ptr<Collector> make_packet_drops_collector(BpfContext& context);
/// The measurement of the programs themselves: lost events, map occupancy, and run time where
/// kernel.bpf_stats_enabled is on. Make it after the others.
std::unique_ptr<Collector> make_bpf_self_collector(BpfContext& context);

/// The metrics that each writes, for the generated documentation.
std::span<const metrics::MetricRow> syscalls_metrics();
std::span<const metrics::MetricRow> page_faults_metrics();
std::span<const metrics::MetricRow> process_events_metrics();
std::span<const metrics::MetricRow> scheduler_metrics();
std::span<const metrics::MetricRow> block_io_metrics();
std::span<const metrics::MetricRow> tcp_retransmits_metrics();
std::span<const metrics::MetricRow> packet_drops_metrics();
std::span<const metrics::MetricRow> bpf_self_metrics();

}  // namespace sonde::exporter
