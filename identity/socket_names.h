#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "identity/name_source.h"
#include "identity/runtime_socket.h"

namespace sonde::identity {

/// Names from a runtime's socket. A thread of its own asks, so that a slow or missing runtime delays nobody:
/// find() answers from what is known, and says kPending while the answer may come. What was learnt stays
/// while the container lives, whatever becomes of the socket. Who is absent or down is tried again. Threads:
/// safe.
class SocketNames final : public NameSource {
 public:
  struct Timing {
    std::chrono::milliseconds timeout{2000};       ///< of one question
    std::chrono::milliseconds refresh{10'000};     ///< between two, if nobody asks for an unknown container
    std::chrono::milliseconds first_retry{100};    ///< after a failure; doubled up to `refresh`
    std::chrono::milliseconds shortest_pause{20};  ///< between two questions in any case
  };

  /// `word`: the label value of its metrics, "cri", "docker", …; it outlives the source.
  SocketNames(std::string_view word, std::unique_ptr<RuntimeSocket> socket, Timing timing);
  ~SocketNames() override;
  SocketNames(const SocketNames&) = delete;
  SocketNames& operator=(const SocketNames&) = delete;

  [[nodiscard]] std::string_view word() const override { return word_; }
  NameAnswer find(const ContainerCgroup& cgroup) override;
  void forget(std::string_view id) override;
  [[nodiscard]] bool present() const override;
  [[nodiscard]] bool up() const override;

 private:
  struct Known {
    ContainerRecord record;
    bool asked_for = false;  ///< by find(): it is kept although the runtime may not list it any more
    bool complete = false;
  };

  /// Of the last question. kAbsent: there was nobody to ask; kUnsupported: nobody who offers this.
  enum class State { kNotTried, kAbsent, kUnsupported, kUp, kDown };

  void run(const std::stop_token& stop);
  void take_failure(const Error& error);
  void take_over(std::vector<ContainerRecord> records, uint64_t list);
  void complete_records(const std::stop_token& stop);

  std::string_view word_;
  std::unique_ptr<RuntimeSocket> socket_;
  const Timing timing_;

  mutable std::mutex mutex_;  ///< guards everything below
  std::condition_variable_any wake_;
  std::unordered_map<std::string, Known> known_;  ///< by id
  std::unordered_map<std::string, uint64_t>
      wanted_;                              ///< id to the number of lists begun when it was asked for
  std::unordered_set<std::string> absent_;  ///< ids that a list did not hold which began after the question
  uint64_t lists_begun_ = 0;
  State state_ = State::kNotTried;

  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::identity
