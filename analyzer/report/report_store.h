#pragma once

#include <cstdint>
#include <mutex>

#include "analyzer/report/report.h"

namespace sonde::analyzer {

/// The last report, published by the tick loop and read by the HTTP handlers.
///
/// Threads: safe.
class ReportStore {
 public:
  void publish(ReportPointer report);
  /// The last one published; null before the first.
  [[nodiscard]] ReportPointer last() const;

 private:
  mutable std::mutex report_mutex_;  ///< guards report_ (g++ 12's atomic<shared_ptr> is opaque to TSan)
  ReportPointer report_;
};

/// The report for people and scrapes at `now_ms`: past `max_age_ms` without new data nothing in it is true of
/// now any more, and null is returned. Age counts from the time of the data, not of the tick.
ReportPointer fresh_report(const ReportPointer& report, int64_t now_ms, int64_t max_age_ms);

}  // namespace sonde::analyzer
