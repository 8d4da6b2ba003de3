#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "inject/fault.h"
#include "inject/network/echo_probe.h"
#include "inject/network/keeper.h"
#include "inject/network/network_flags.h"
#include "inject/network/qdisc.h"
#include "inject/network/target_network.h"

namespace sonde::inject {

/// What the faults of a container's network share: its network, pings that feel the fault, a root qdisc of
/// ours or a process that holds the fault, and their undo.
class NetworkFault : public Fault {
 public:
  [[nodiscard]] int broken_descriptor() const override { return keeper_ ? keeper_->descriptor() : -1; }

 protected:
  /// Finds the network and who answers pings. Errors: those of TargetNetwork and EchoProbe.
  Result<void> prepare_network(const CgroupTarget& target, FaultState& state);
  /// Makes ready for a root qdisc of ours and notes it in the state. Errors: kInvalid where somebody else's
  /// is there.
  Result<void> prepare_qdisc(FaultState& state);
  /// Forks a process that holds the fault, and notes it in the state.
  Result<void> prepare_keeper(FaultState& state, const Keeper::Work& work);
  /// Tells the log what is put in place by what.
  void tell(std::string_view mechanism) const;

  NetworkFlags flags_;
  std::optional<TargetNetwork> network_;
  std::unique_ptr<EchoProbe> probe_;
  std::optional<QdiscOfInterface> qdisc_;
  uint32_t qdisc_handle_ = 0;
  std::optional<Keeper> keeper_;
};

/// Ends the process that holds the fault and takes the qdisc away that the state names. Where the network
/// namespace is gone, so is what was in it.
Result<void> undo_network_fault(const FaultState& state);

}  // namespace sonde::inject
