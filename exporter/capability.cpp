#include "exporter/capability.h"

namespace sonde::exporter {

const metrics::MetricRow kCapabilityRow{
    .name = "sonde_exporter_capability",
    .type = metrics::MetricType::kGauge,
    .unit = "",
    .labels = "feature,reason",
    .help = "Whether an optional feature is on (1), and why not where it is off (0)."};

std::string_view capability_reason_word(CapabilityReason reason) {
  switch (reason) {
    case CapabilityReason::kAvailable:
      return "available";
    case CapabilityReason::kDisabled:
      return "disabled";
    case CapabilityReason::kMissingCapability:
      return "missing_capability";
    case CapabilityReason::kNoBtf:
      return "no_btf";
    case CapabilityReason::kNoHook:
      return "no_hook";
    case CapabilityReason::kLockdown:
      return "lockdown";
    case CapabilityReason::kRejected:
      return "rejected";
    case CapabilityReason::kNoMount:
      return "no_mount";
  }
  return "";
}

void CapabilityTable::set(std::string_view feature, CapabilityReason reason) {
  const std::lock_guard lock(mutex_);
  reasons_.insert_or_assign(std::string(feature), reason);
}

CapabilityReason CapabilityTable::get(std::string_view feature) const {
  const std::lock_guard lock(mutex_);
  const auto found = reasons_.find(feature);
  return found == reasons_.end() ? CapabilityReason::kDisabled : found->second;
}

void CapabilityTable::write(metrics::SeriesWriter& writer) const {
  const std::lock_guard lock(mutex_);
  writer.family(kCapabilityRow);
  for (const auto& [feature, reason] : reasons_) {
    writer.sample(metrics::Labels{{"feature", feature}, {"reason", capability_reason_word(reason)}},
                  reason == CapabilityReason::kAvailable ? 1 : 0);
  }
}

}  // namespace sonde::exporter
