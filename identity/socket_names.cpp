#include "identity/socket_names.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace sonde::identity {

SocketNames::SocketNames(std::string_view word, std::unique_ptr<RuntimeSocket> socket, Timing timing)
    : word_(word),
      socket_(std::move(socket)),
      timing_(timing),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SocketNames::~SocketNames() {
  thread_.request_stop();
  wake_.notify_all();
}

bool SocketNames::present() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kUp || state_ == State::kDown;
}

bool SocketNames::up() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::kUp;
}

NameAnswer SocketNames::find(const ContainerCgroup& cgroup) {
  const std::lock_guard lock(mutex_);
  const bool failed = state_ != State::kUp && state_ != State::kNotTried;
  if (const auto found = known_.find(cgroup.id); found != known_.end()) {
    found->second.asked_for = true;
    if (!found->second.complete && !failed) {
      wake_.notify_all();
      return {NameAnswer::State::kPending, {}};
    }
    return {NameAnswer::State::kKnown, found->second.record};
  }
  if (failed || absent_.erase(cgroup.id) > 0) return {};
  wanted_.try_emplace(cgroup.id, lists_begun_);
  wake_.notify_all();
  return {NameAnswer::State::kPending, {}};
}

void SocketNames::forget(std::string_view id) {
  const std::lock_guard lock(mutex_);
  known_.erase(std::string(id));
  wanted_.erase(std::string(id));
  absent_.erase(std::string(id));
}

void SocketNames::run(const std::stop_token& stop) {
  auto pause = timing_.shortest_pause;
  while (!stop.stop_requested()) {
    uint64_t list = 0;
    {
      const std::lock_guard lock(mutex_);
      list = ++lists_begun_;
    }
    auto records = socket_->list(timing_.timeout);
    if (records) {
      take_over(std::move(*records), list);
      complete_records(stop);
      pause = timing_.first_retry;
    } else {
      take_failure(records.error());
    }
    std::unique_lock lock(mutex_);
    const bool up = state_ == State::kUp;
    const auto wait = up ? timing_.refresh : pause;
    if (!up) pause = std::min(pause * 2, timing_.refresh);
    wake_.wait_for(lock, stop, wait, [&] {
      if (!up) return false;  // nobody hastens a runtime that is down
      return !wanted_.empty() || std::ranges::any_of(known_, [](const auto& one) {
        return one.second.asked_for && !one.second.complete;
      });
    });
    if (up && !stop.stop_requested()) {
      wake_.wait_for(lock, stop, timing_.shortest_pause, [] { return false; });
    }
  }
}

void SocketNames::take_failure(const Error& error) {
  const std::lock_guard lock(mutex_);
  wanted_.clear();
  const State state = error.code == ErrorCode::kNotFound      ? State::kAbsent
                      : error.code == ErrorCode::kUnsupported ? State::kUnsupported
                                                              : State::kDown;
  if (std::exchange(state_, state) == state) return;
  if (state == State::kDown) {
    log::warning("a container runtime does not answer; the names that it told stay",
                 {{"source", word_}, {"reason", error.message}});
  } else if (state == State::kUnsupported) {
    log::info("a container runtime does not offer what is asked for",
              {{"source", word_}, {"reason", error.message}});
  }
}

void SocketNames::take_over(std::vector<ContainerRecord> records, uint64_t list) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(state_, State::kUp) != State::kUp) {
    log::info("a container runtime answers",
              {{"source", word_}, {"containers", std::to_string(records.size())}});
  }
  std::erase_if(known_, [](const auto& one) { return !one.second.asked_for; });
  for (ContainerRecord& record : records) {
    const auto wanted = wanted_.find(record.id);
    const bool asked_for = wanted != wanted_.end();
    if (asked_for) wanted_.erase(wanted);
    const auto [known, is_new] = known_.try_emplace(record.id);
    if (!is_new) continue;
    known->second.asked_for = asked_for;
    known->second.complete = record.sandbox;
    known->second.record = std::move(record);
  }
  std::erase_if(wanted_, [&](const auto& wanted) {
    if (wanted.second >= list) return false;
    absent_.insert(wanted.first);
    return true;
  });
}

/// Asks for the rest of what is known of containers that somebody wants.
void SocketNames::complete_records(const std::stop_token& stop) {
  std::vector<ContainerRecord> incomplete;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, known] : known_) {
      if (known.asked_for && !known.complete) incomplete.push_back(known.record);
    }
  }
  for (ContainerRecord& record : incomplete) {
    if (stop.stop_requested()) return;
    // Where it fails, the container has ended or the runtime is in trouble: what the list told is enough.
    (void)socket_->complete(record, timing_.timeout);
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(record.id);
    if (known == known_.end()) continue;
    known->second.record = record;
    known->second.complete = true;
  }
}

}  // namespace sonde::identity
