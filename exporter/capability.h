#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::exporter {

/// Why a feature is on or off; the closed list of `sonde_exporter_capability`'s label `reason`.
enum class CapabilityReason {
  kAvailable,          ///< "available": on, value 1; every other reason has value 0
  kDisabled,           ///< "disabled": switched off by a flag
  kMissingCapability,  ///< "missing_capability": needs CAP_BPF and CAP_PERFMON (or root)
  kNoBtf,              ///< "no_btf": the kernel has no /sys/kernel/btf/vmlinux
  kNoHook,             ///< "no_hook": this kernel lacks the tracepoint
  kLockdown,           ///< "lockdown": kernel lockdown "confidentiality" forbids reading kernel memory
  kRejected,           ///< "rejected": the kernel refused the program; the log has its words
  kNoMount,            ///< "no_mount": a file system that it reads is not mounted
};

std::string_view capability_reason_word(CapabilityReason reason);

/// Which optional features are on, and why the others are not. Threads: safe.
class CapabilityTable {
 public:
  /// Sets one feature's state; a later call replaces an earlier one.
  void set(std::string_view feature, CapabilityReason reason);

  /// The state of a feature; kDisabled for one never set.
  [[nodiscard]] CapabilityReason get(std::string_view feature) const;

  /// Writes the family `sonde_exporter_capability{feature,reason}`.
  void write(metrics::SeriesWriter& writer) const;

 private:
  mutable std::mutex mutex_;  ///< guards reasons_
  std::map<std::string, CapabilityReason, std::less<>> reasons_;
};

/// sonde_exporter_capability
extern const metrics::MetricRow kCapabilityRow;

}  // namespace sonde::exporter
