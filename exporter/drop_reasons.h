#pragma once

#include <cstdint>
#include <map>
#include <string>

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

 private:
  std::map<uint32_t, std::string> names_;
  std::map<uint32_t, std::string> subsystems_;
  uint32_t consumed_ = 0;
};

}  // namespace sonde::exporter
