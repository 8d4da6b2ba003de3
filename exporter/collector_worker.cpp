#include "exporter/collector_worker.h"

#include <exception>
#include <utility>

namespace sonde::exporter {

CollectorJob::CollectorJob(std::shared_ptr<const ContainerTable> containers, SteadyTime deadline)
    : containers_(std::move(containers)), deadline_(deadline) {}

CollectorJob::Outcome CollectorJob::wait() {
  std::unique_lock lock(mutex_);
  done_.wait_until(lock, deadline_, [this] { return outcome_.finished; });
  if (outcome_.finished) return std::move(outcome_);
  given_up_ = true;
  Outcome late;
  late.duration = SteadyClock::now() - created_;
  late.error = "not done by its deadline";
  return late;
}

size_t CollectorJob::run(Collector& collector, size_t reserved) {
  {
    const std::lock_guard lock(mutex_);
    if (given_up_) return reserved;
  }
  const SteadyTime start = SteadyClock::now();
  Outcome outcome;
  outcome.output.reserve(reserved);
  try {
    const Result<void> collected = collector.collect({*containers_, deadline_}, outcome.output);
    if (!collected) outcome.error = collected.error().message;
  } catch (const std::exception& exception) {
    outcome.error = exception.what();
  }
  outcome.duration = SteadyClock::now() - start;
  outcome.finished = true;
  const size_t size = outcome.output.text().size();
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  done_.notify_all();
  return size;
}

CollectorWorker::CollectorWorker(std::string name, std::unique_ptr<Collector> collector)
    : name_(std::move(name)), collector_(std::move(collector)) {}

CollectorWorker::~CollectorWorker() {
  stop(SteadyTime::max());
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<CollectorJob> CollectorWorker::submit(std::shared_ptr<const ContainerTable> containers,
                                                      SteadyTime deadline) {
  const std::lock_guard lock(mutex_);
  const bool stuck = running_ && running_->deadline() <= SteadyClock::now();
  if (stuck || stopping_) return nullptr;
  auto job = std::make_shared<CollectorJob>(std::move(containers), deadline);
  waiting_.push_back(job);
  if (!thread_.joinable()) {
    ended_ = false;
    thread_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
  return job;
}

bool CollectorWorker::stop(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  if (deadline == SteadyTime::max()) {
    changed_.wait(lock, [this] { return ended_; });
    return true;
  }
  return changed_.wait_until(lock, deadline, [this] { return ended_; });
}

void CollectorWorker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) break;
    running_ = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    output_size_ = running_->run(*collector_, output_size_ + output_size_ / 8);
    lock.lock();
    running_.reset();
  }
  ended_ = true;
  changed_.notify_all();
}

}  // namespace sonde::exporter
