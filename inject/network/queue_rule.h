#pragma once

#include <cstdint>
#include <string>

#include "common/result.h"

struct mnl_socket;

namespace sonde::inject {

/// A rule that sends what one interface receives, IPv4 and IPv6, to a queue (NFQUEUE), in nftables tables of
/// this object's own. The kernel deletes them with the socket that made them (NFT_TABLE_F_OWNER, Linux 5.12):
/// they end with this object or its process, however that ends, and no other program may change them. A
/// packet that finds no reader of the queue goes on. Threads: one.
class QueueRule {
 public:
  QueueRule() = default;
  ~QueueRule();
  QueueRule(const QueueRule&) = delete;
  QueueRule& operator=(const QueueRule&) = delete;

  /// Puts it in place in the calling thread's network namespace. Errors: kPermission, kUnsupported where the
  /// kernel has no nftables or no NFQUEUE.
  Result<void> place(uint32_t interface, uint16_t queue);
  /// From now on no packet is sent to the queue. The hook itself stays until this object goes: with it the
  /// kernel would drop what waits in the queue.
  Result<void> stop();

 private:
  Result<void> place_in(uint8_t family, uint32_t interface, uint16_t queue, bool as_target);
  Result<void> clear(uint8_t family);

  mnl_socket* socket_ = nullptr;
  std::string table_;
  uint32_t sequence_ = 0;
};

}  // namespace sonde::inject
