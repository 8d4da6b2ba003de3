#include "inject/faults/network_fault.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

#include "common/log.h"

namespace sonde::inject {
namespace {

// Keys of FaultState::details.
constexpr const char* kInode = "network_inode";
constexpr const char* kCookie = "network_cookie";
constexpr const char* kInterface = "interface";
constexpr const char* kQdisc = "qdisc_handle";

/// A number in the state's details. Errors: kInvalid where it is not there or none.
Result<uint64_t> detail(const FaultState& state, const char* key) {
  const auto found = state.details.find(key);
  uint64_t value = 0;
  if (found != state.details.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
  }
  return fail(ErrorCode::kInvalid, fmt::format("the state's detail {} is missing or no number", key));
}

Result<void> remove_qdisc(const FaultState& state) {
  const auto inode = detail(state, kInode);
  const auto cookie = detail(state, kCookie);
  const auto interface = detail(state, kInterface);
  const auto handle = detail(state, kQdisc);
  for (const auto* value : {&inode, &cookie, &interface, &handle}) {
    if (!*value) return tl::unexpected(value->error());
  }
  return inside_network({*inode, *cookie}, [&]() -> Result<void> {
    auto qdisc = QdiscOfInterface::open(static_cast<uint32_t>(*interface));
    if (!qdisc) return tl::unexpected(qdisc.error());
    return qdisc->remove(static_cast<uint32_t>(*handle));
  });
}

}  // namespace

Result<void> NetworkFault::prepare_network(const CgroupTarget& target, FaultState& state) {
  auto network = TargetNetwork::find(target, flags_.interface_name());
  if (!network) return tl::unexpected(network.error());
  network_ = std::move(*network);
  auto probe = EchoProbe::find(*network_, flags_.probe_address());
  if (!probe) return tl::unexpected(probe.error());
  probe_ = std::move(*probe);
  state.details[kInode] = std::to_string(network_->identity().inode);
  state.details[kCookie] = std::to_string(network_->identity().cookie);
  state.details[kInterface] = std::to_string(network_->interface_index());
  return {};
}

Result<void> NetworkFault::prepare_qdisc(FaultState& state) {
  auto opened = network_->inside([&]() -> Result<void> {
    auto qdisc = QdiscOfInterface::open(network_->interface_index());
    if (!qdisc) return tl::unexpected(qdisc.error());
    qdisc_ = std::move(*qdisc);
    return {};
  });
  if (!opened) return opened;
  const auto root = qdisc_->root();
  if (!root) return tl::unexpected(root.error());
  if (root->handle != 0) return fail(ErrorCode::kInvalid, other_qdisc_words(*root));
  qdisc_handle_ = random_qdisc_handle();
  state.details[kQdisc] = std::to_string(qdisc_handle_);
  return {};
}

Result<void> NetworkFault::prepare_keeper(FaultState& state, const Keeper::Work& work) {
  const auto lease = std::chrono::milliseconds(state.expires_unix_ms - unix_milliseconds_now());
  auto keeper = Keeper::fork(*network_, SteadyClock::now() + lease, work);
  if (!keeper) return tl::unexpected(keeper.error());
  keeper_ = std::move(*keeper);
  state.processes.push_back(keeper_->identity());
  return {};
}

void NetworkFault::tell(std::string_view mechanism) const {
  log::info("the network fault's mechanism", {{"mechanism", mechanism},
                                              {"interface", network_->interface_name()},
                                              {"process", network_->process()},
                                              {"pings_to", probe_->address()},
                                              {"round_trip_before_seconds", probe_->base_seconds()}});
}

Result<void> undo_network_fault(const FaultState& state) {
  for (const auto& process : state.processes) {
    if (auto ended = end_keeper(process); !ended) return ended;
  }
  return state.details.contains(kQdisc) ? remove_qdisc(state) : Result<void>{};
}

}  // namespace sonde::inject
