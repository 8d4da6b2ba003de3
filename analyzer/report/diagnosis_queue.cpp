#include "analyzer/report/diagnosis_queue.h"

#include <exception>
#include <string>
#include <utility>

namespace sonde::analyzer {
namespace {

/// What the work gives, or what it throws as an error: one diagnosis that fails, of memory say, must not end
/// the analyzer.
Result<ReportPointer> result_of(const DiagnosisQueue::Work& work, const PastRequest& request) {
  std::string what;
  try {
    return work(request);
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
    what = "an unknown exception";
  }
  return fail(ErrorCode::kUnavailable, "the diagnosis broke off: " + what + "; try a shorter window=");
}

}  // namespace

DiagnosisQueue::DiagnosisQueue(Work work, size_t capacity)
    : work_(std::move(work)),
      capacity_(capacity),
      worker_([this](const std::stop_token& stop) { run(stop); }) {}

DiagnosisQueue::~DiagnosisQueue() {
  worker_.request_stop();
  worker_.join();
  for (Job& job : jobs_) job.promise.set_value(fail(ErrorCode::kUnavailable, "the analyzer is stopping"));
}

Result<ReportPointer> DiagnosisQueue::ask(const PastRequest& request, std::chrono::milliseconds timeout) {
  std::future<Result<ReportPointer>> answer;
  {
    const std::lock_guard lock(jobs_mutex_);
    if (jobs_.size() >= capacity_) {
      return fail(ErrorCode::kLimit, "too many diagnoses of past times are waiting; try again later");
    }
    Job& job = jobs_.emplace_back(Job{request, std::chrono::steady_clock::now() + timeout, {}});
    answer = job.promise.get_future();
  }
  jobs_changed_.notify_one();
  if (answer.wait_for(timeout) != std::future_status::ready) {
    return fail(ErrorCode::kTimeout, "the diagnosis was not ready in time; try again later");
  }
  return answer.get();
}

void DiagnosisQueue::run(const std::stop_token& stop) {
  while (true) {
    Job job;
    {
      std::unique_lock lock(jobs_mutex_);
      if (!jobs_changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    if (std::chrono::steady_clock::now() >= job.deadline) continue;  // nobody waits for it any more
    job.promise.set_value(result_of(work_, job.request));
  }
}

}  // namespace sonde::analyzer
