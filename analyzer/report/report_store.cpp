#include "analyzer/report/report_store.h"

#include <utility>

namespace sonde::analyzer {

void ReportStore::publish(ReportPointer report) {
  const std::lock_guard lock(report_mutex_);
  report_ = std::move(report);
}

ReportPointer ReportStore::last() const {
  const std::lock_guard lock(report_mutex_);
  return report_;
}

ReportPointer fresh_report(const ReportPointer& report, int64_t now_ms, int64_t max_age_ms) {
  if (!report || now_ms - report->time_ms > max_age_ms) return nullptr;
  return report;
}

}  // namespace sonde::analyzer
