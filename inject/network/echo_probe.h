#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "inject/network/echo_socket.h"
#include "inject/network/target_network.h"

namespace sonde::inject {

/// A ping that was answered.
struct RoundTrip {
  double seconds = 0;
  double expected = 0;  ///< what set_expected() said when it was sent
};

/// What became of the pings.
struct EchoCounts {
  uint64_t decided = 0;  ///< sent so long ago that no answer is awaited any more
  uint64_t answered = 0;
  double expected = 0;                 ///< of those decided, what set_expected() said of each, together
  std::vector<RoundTrip> recent = {};  ///< the last few, none older than some seconds
};

/// The median; 0 of none.
double median(std::vector<double> values);

/// Pings from the container's network to a neighbour of it, which feel what the container's own packets feel
/// and need nothing of the container. Threads: start() begins one of its own; the rest is safe.
class EchoProbe {
 public:
  /// Looks for somebody who answers, or asks `address` if that is given, and measures the round trip as it is
  /// before the fault. Takes 0.3 s and as much for each candidate that does not answer. Errors: kUnavailable
  /// where nobody does.
  static Result<std::unique_ptr<EchoProbe>> find(const TargetNetwork& network, const std::string& address);
  ~EchoProbe();
  EchoProbe(const EchoProbe&) = delete;
  EchoProbe& operator=(const EchoProbe&) = delete;

  /// Median round trip before the fault. Unit: seconds.
  [[nodiscard]] double base_seconds() const { return base_seconds_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const EchoSocket& socket() const { return socket_; }

  /// Pings every `interval`; one that is not answered within `patience` is lost.
  void start(std::chrono::milliseconds interval, std::chrono::milliseconds patience);
  void set_interval(std::chrono::milliseconds interval);
  /// What the pings that are sent from now on are to feel of the fault, in a unit of the caller's.
  void set_expected(double expected);
  /// Since start(). Nothing is sent any more once nobody has asked for two seconds: the fault is over then.
  [[nodiscard]] EchoCounts counts();

 private:
  struct Sent {
    SteadyTime time;
    double expected = 0;
    bool answered = false;
  };

  EchoProbe(EchoSocket socket, std::string address);
  /// Median of a few round trips, measured as punctually as later ones; none where too few were answered.
  std::optional<double> measure_base_punctually();
  std::optional<double> measure_base();
  void run(const std::stop_token& stop);
  void step();

  EchoSocket socket_;
  std::string address_;
  double base_seconds_ = 0;
  std::mutex mutex_;  ///< guards the rest but the thread
  std::chrono::milliseconds interval_{0};
  std::chrono::milliseconds patience_{0};
  SteadyTime next_;
  SteadyTime asked_for_;  ///< when somebody wanted counts() last
  uint16_t number_ = 0;
  std::map<uint16_t, Sent> sent_;  ///< not decided yet
  uint64_t decided_ = 0;
  uint64_t answered_ = 0;
  double expected_ = 0;                                  ///< of the next
  double expected_decided_ = 0;                          ///< of those decided
  std::deque<std::pair<SteadyTime, RoundTrip>> recent_;  ///< with the times when they were sent
  std::jthread thread_;                                  ///< last: it uses the others
};

}  // namespace sonde::inject
