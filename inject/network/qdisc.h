#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/network/netlink.h"
#include "common/result.h"

namespace sonde::inject {

/// What netem does to the packets that an interface sends.
struct Netem {
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds jitter{0};  ///< half the width of a uniform spread; the deviation of a normal one
  bool normal = false;
  double loss_ratio = 0;
};

/// A token bucket: what an interface sends beyond the rate waits, and is dropped where too much waits.
struct TokenBucket {
  uint64_t bytes_per_second = 0;
  uint32_t bucket_bytes = 0;  ///< may pass at once; at least an interface's largest packet
  uint32_t queue_bytes = 0;   ///< may wait
};

/// Counted since the qdisc was put in place; a packet of many segments (GSO) is one until it is cut.
struct QdiscStatistics {
  uint64_t sent_bytes = 0;
  uint64_t sent_packets = 0;
  uint64_t dropped_packets = 0;
  uint64_t over_limit = 0;     ///< how often a packet had to wait
  uint64_t waiting_bytes = 0;  ///< now
};

struct RootQdisc {
  std::string kind{};
  uint32_t handle = 0;  ///< 0: the kernel's own default
  QdiscStatistics statistics{};
};

/// Why a fault cannot be put beside the qdisc that is there, and what to do.
std::string other_qdisc_words(const RootQdisc& other);

/// The root qdisc of one interface, by rtnetlink. Threads: one.
class QdiscOfInterface {
 public:
  /// In the calling thread's network namespace; it stays there wherever the thread goes. Errors: kPermission.
  static Result<QdiscOfInterface> open(uint32_t interface);

  /// What is there. Errors: kNotFound where the interface is gone.
  Result<RootQdisc> root();
  /// Bytes that the interface itself has sent so far, by its own count.
  Result<uint64_t> interface_sent_bytes();
  /// Puts one in the place of the kernel's default, or changes the one with that handle. Errors: kInvalid
  /// where a qdisc of somebody else is there, kUnsupported where the kernel has no such qdisc.
  Result<void> put(uint32_t handle, const Netem& netem);
  Result<void> put(uint32_t handle, const TokenBucket& bucket);
  /// Takes the one with that handle away; the kernel's default comes back. What is gone is no error.
  Result<void> remove(uint32_t handle);

 private:
  QdiscOfInterface(NetlinkSocket socket, uint32_t interface)
      : socket_(std::move(socket)), interface_(interface) {}
  Result<void> put(nlmsghdr& message, std::string_view kind);
  [[nodiscard]] uint16_t creating() const;

  NetlinkSocket socket_;
  uint32_t interface_;
  bool placed_ = false;
};

/// A handle for a qdisc that no other injector has at hand: random, of an unusual range.
uint32_t random_qdisc_handle();

/// Whether the kernel has netem (its module is loaded where need be): tried on the loopback interface of a
/// network namespace that is made for it. REQUIRES: one thread, since it forks.
bool kernel_has_netem();

}  // namespace sonde::inject
