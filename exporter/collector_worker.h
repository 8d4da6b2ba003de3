#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "exporter/collector.h"

namespace sonde::exporter {

/// One scrape's request to one collector. Threads: safe.
class CollectorJob {
 public:
  /// What the collector gave; `finished` is false where it was not in time.
  struct Outcome {
    bool finished = false;
    std::chrono::duration<double> duration{};
    std::string error;  ///< "" if it succeeded
    metrics::SeriesWriter output;
  };

  CollectorJob(std::shared_ptr<const ContainerTable> containers, SteadyTime deadline);

  /// Waits until the collector is done, at most until the deadline; afterwards the job is given up.
  Outcome wait();

  /// Runs the collector, on its worker's thread. Does nothing if the job was given up before.
  /// Returns the size of its output.
  /// `reserved`: bytes of output that are expected.
  size_t run(Collector& collector, size_t reserved);

  [[nodiscard]] SteadyTime deadline() const { return deadline_; }

 private:
  const std::shared_ptr<const ContainerTable> containers_;
  const SteadyTime deadline_;
  const SteadyTime created_ = SteadyClock::now();

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable done_;
  bool given_up_ = false;
  Outcome outcome_;
};

/// A collector and the one thread it runs on, which starts with the first job. Jobs of parallel scrapes wait
/// for each other; while a call is past its deadline, new jobs are refused at once. Threads: safe.
class CollectorWorker {
 public:
  CollectorWorker(std::string name, std::unique_ptr<Collector> collector);
  /// Waits for the collector to return: call stop() first where it might not.
  ~CollectorWorker();
  CollectorWorker(const CollectorWorker&) = delete;
  CollectorWorker& operator=(const CollectorWorker&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  /// Asks for a run. Returns null where an earlier call is stuck.
  std::shared_ptr<CollectorJob> submit(std::shared_ptr<const ContainerTable> containers, SteadyTime deadline);

  /// Takes no more jobs and waits for the thread to end, at most until `deadline`; returns whether it did.
  bool stop(SteadyTime deadline);

 private:
  void run();

  const std::string name_;
  const std::unique_ptr<Collector> collector_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::deque<std::shared_ptr<CollectorJob>> waiting_;
  std::shared_ptr<CollectorJob> running_;
  bool stopping_ = false;
  bool ended_ = true;
  size_t output_size_ = 0;  ///< of the last run; of the thread alone
  std::thread thread_;
};

}  // namespace sonde::exporter
