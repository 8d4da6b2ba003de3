#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sonde::http {

/// Threads that run handlers. A thread is started when a job finds none idle, up to a maximum; after that
/// jobs queue. Threads: safe.
class WorkerPool {
 public:
  explicit WorkerPool(size_t maximum) : maximum_(maximum) {}
  /// Runs the jobs that are queued and joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void run(std::function<void()> job);

 private:
  void work();

  const size_t maximum_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace sonde::http
