#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "bpf/packet_drops.h"

namespace sonde::exporter {

/// The reasons for which a kernel drops packets, by the numbers that it gives them. They move from version to
/// version, so the names are taken from its BTF (enum skb_drop_reason and skb_drop_reason_subsys).
class DropReasons {
 public:
  /// Those of the running kernel; empty where it has no BTF.
  static DropReasons of_this_kernel();
  /// For tests. `names`: constants of the first enum; `subsystems`: of the second.
  DropReasons(std::map<uint32_t, std::string> names, std::map<uint32_t, std::string> subsystems);

  /// The reason as a label's value: "netfilter_drop" for SKB_DROP_REASON_NETFILTER_DROP. A reason of a
  /// subsystem is the subsystem's name, such as "openvswitch"; one that has no name is "reason_4711".
  [[nodiscard]] std::string word(uint32_t reason) const;
  /// The number that says that a buffer was consumed, not dropped; 0 where the kernel has none.
  [[nodiscard]] uint32_t consumed() const { return consumed_; }
  /// A bit for each number.
  using Bits = std::array<uint64_t, SONDE_DROP_REASON_WORDS>;
  /// For which nobody misses the packet: it, or its like, has arrived, or it was another's copy.
  [[nodiscard]] Bits not_missed() const;
  /// For which nobody misses a segment that TCP had taken, but others may miss packets.
  [[nodiscard]] Bits not_missed_of_tcp() const;

 private:
  [[nodiscard]] uint32_t number_of(std::string_view constant) const;
  [[nodiscard]] Bits bits_of(std::span<const std::string_view> constants) const;

  std::map<uint32_t, std::string> names_;
  std::map<uint32_t, std::string> subsystems_;
  uint32_t consumed_ = 0;
};

}  // namespace sonde::exporter
