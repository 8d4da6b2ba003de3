#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>

#include "analyzer/report/report.h"
#include "common/result.h"

namespace sonde::analyzer {

/// A diagnosis of a past time, as asked for.
struct PastRequest {
  int64_t time_ms = 0;
  int64_t window_ms = 0;  ///< of history before it; 0 = the configured one
};

/// Works off diagnoses of past times, one after the other, on one thread of its own: HTTP handlers compute
/// nothing, and a crowd of them cannot load Prometheus.
///
/// Threads: ask() is safe.
class DiagnosisQueue {
 public:
  using Work = std::function<Result<ReportPointer>(const PastRequest&)>;

  /// At most `capacity` requests wait besides the one in work.
  DiagnosisQueue(Work work, size_t capacity);
  /// Those that still wait are answered with kUnavailable.
  ~DiagnosisQueue();
  DiagnosisQueue(const DiagnosisQueue&) = delete;
  DiagnosisQueue& operator=(const DiagnosisQueue&) = delete;

  /// Waits for the result. Errors: kLimit at once where the queue is full; kTimeout where it is not done in
  /// time (its work is then skipped if it has not begun); kUnavailable where the work throws; else those of
  /// the work.
  Result<ReportPointer> ask(const PastRequest& request, std::chrono::milliseconds timeout);

 private:
  struct Job {
    PastRequest request;
    std::chrono::steady_clock::time_point deadline;
    std::promise<Result<ReportPointer>> promise;
  };

  void run(const std::stop_token& stop);

  Work work_;
  size_t capacity_;
  std::mutex jobs_mutex_;  ///< guards jobs_
  std::condition_variable_any jobs_changed_;
  std::deque<Job> jobs_;
  std::jthread worker_;  ///< last: it uses all of the above
};

}  // namespace sonde::analyzer
