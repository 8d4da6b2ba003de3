#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "common/result.h"

struct nfq_data;
struct nfq_handle;
struct nfq_q_handle;
struct nfgenmsg;  // NOLINT(readability-identifier-naming): the kernel's own

namespace sonde {

/// One packet that was held, as it is released. Times: CLOCK_MONOTONIC.
struct DelayedPacket {
  int64_t arrived_ns = 0;  ///< when the kernel received it, by the kernel's own timestamp
  int64_t released_ns = 0;
  uint32_t bytes = 0;  ///< of the IP packet, as many segments as it holds
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
};

/// Holds the packets that a rule of netfilter sends to a queue (NFQUEUE), each for a time of its own, and
/// lets them go on. Large packets stay whole (GSO). Threads: one, in the network namespace of the queue.
class PacketDelay {
 public:
  /// How long the packet that just came is to be held. Unit: ns.
  using Draw = std::function<int64_t()>;
  using OnRelease = std::function<void(const DelayedPacket&)>;

  /// Takes the queue in the calling thread's network namespace. Needs CAP_NET_ADMIN. Errors: kUnavailable
  /// where another program has the queue or the kernel has no NFQUEUE.
  static Result<std::unique_ptr<PacketDelay>> open(uint16_t queue, Draw draw, OnRelease on_release);
  ~PacketDelay();
  PacketDelay(const PacketDelay&) = delete;
  PacketDelay& operator=(const PacketDelay&) = delete;

  /// Waits until a packet comes, one is due, `most_ns` are over or a signal arrives; takes what has come and
  /// releases what is due. Errors: kUnavailable where the queue is gone.
  Result<void> serve(int64_t most_ns);
  /// Takes what has come and releases all at once, whatever its time.
  Result<void> release_all();

  [[nodiscard]] size_t waiting() const { return waiting_.size(); }
  /// Readable when a packet has come.
  [[nodiscard]] int descriptor() const;

 private:
  struct Waiting {
    int64_t due_ns = 0;
    uint64_t number = 0;  ///< of its arrival: those that are due together keep their order
    uint32_t id = 0;
    DelayedPacket packet;
    bool operator>(const Waiting& other) const {
      return due_ns != other.due_ns ? due_ns > other.due_ns : number > other.number;
    }
  };

  PacketDelay(Draw draw, OnRelease on_release);
  Result<void> take_queue(uint16_t queue);
  static int on_packet(nfq_q_handle* queue, nfgenmsg* message, nfq_data* data, void* self);
  void hold(nfq_data* data);
  void wait(int64_t most_ns) const;
  Result<void> receive();
  Result<void> release(int64_t now_ns);

  Draw draw_;
  OnRelease on_release_;
  nfq_handle* handle_ = nullptr;
  nfq_q_handle* queue_ = nullptr;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;  ///< the next one due on top
  uint64_t arrivals_ = 0;
};

/// Makes the calling process one that is hardly late: real-time priority and timers to the nanosecond. False
/// where the priority is refused: delays vary more then.
bool be_punctual();

}  // namespace sonde
