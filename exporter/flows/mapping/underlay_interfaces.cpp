#include "exporter/flows/mapping/underlay_interfaces.h"

#include <linux/netlink.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "common/log.h"
#include "exporter/flows/mapping/default_routes.h"
#include "exporter/flows/mapping/in_network_namespace.h"

namespace sonde::exporter {
namespace {

constexpr const char* kProgramName = "flow_mapping";
constexpr auto kLooksEvery = std::chrono::seconds(15);

/// What packets leave the node by; the members of a bond or bridge are not, as the same packets pass those.
bool is_physical(const Link& link) {
  const bool device = link.kind.empty() || link.kind == "bond" || link.kind == "team";
  return device && !link.loopback && link.master_index == 0;
}

}  // namespace

UnderlayInterfaces::UnderlayInterfaces(MappingOptions options, const MappingPrograms& programs)
    : options_(std::move(options)), programs_(programs) {}

Result<void> UnderlayInterfaces::update(SteadyTime now) {
  const bool fresh = looked_at_ && now - *looked_at_ < kLooksEvery;
  if (fresh && !attached_.empty() && failed_.empty()) return {};
  auto updated = in_network_namespace(options_.network_namespace, [this] { return update_here(); });
  if (updated) looked_at_ = now;
  return updated;
}

Result<void> UnderlayInterfaces::update_here() {
  if (!socket_) {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    if (!socket) return tl::unexpected<Error>(socket.error());
    socket_.emplace(std::move(*socket));
  }
  if (attacher_ == nullptr) {
    auto attacher = TcAttacher::open(options_.means);
    if (!attacher) return tl::unexpected<Error>(attacher.error());
    attacher_ = std::move(*attacher);
  }
  const auto interfaces = wanted();
  if (!interfaces) return tl::unexpected<Error>(interfaces.error());
  attacher_->look();
  std::erase_if(attached_, [&](const auto& entry) {
    const auto& [index, at] = entry;
    const auto found = interfaces->find(index);
    return found == interfaces->end() || found->second != at.name || !at.from.holds() || !at.to.holds();
  });
  std::erase_if(failed_, [&](const auto& entry) {
    return std::ranges::none_of(*interfaces, [&](const auto& one) { return one.second == entry.first; }) &&
           std::ranges::find(options_.interfaces, entry.first) == options_.interfaces.end();
  });
  for (const auto& [index, name] : *interfaces) {
    if (!attached_.contains(index)) attach(index, name);
  }
  for (const std::string& name : options_.interfaces) {
    const bool present =
        std::ranges::any_of(*interfaces, [&](const auto& entry) { return entry.second == name; });
    if (!present) note_failure(name, "there is no such interface (yet)");
  }
  return {};
}

Result<std::map<uint32_t, std::string>> UnderlayInterfaces::wanted() {
  const auto links = list_links(*socket_);
  if (!links) return tl::unexpected<Error>(links.error());
  std::set<uint32_t> routed;
  if (options_.interfaces.empty()) {
    auto routes = default_route_interfaces(*socket_);
    if (!routes) return tl::unexpected<Error>(routes.error());
    routed = std::move(*routes);
  }
  std::map<uint32_t, std::string> interfaces;
  for (const Link& link : *links) {
    const bool named = std::ranges::find(options_.interfaces, link.name) != options_.interfaces.end();
    const bool found =
        options_.interfaces.empty() && (routed.empty() ? is_physical(link) : routed.contains(link.index));
    if (named || found) interfaces.emplace(link.index, link.name);
  }
  return interfaces;
}

void UnderlayInterfaces::attach(uint32_t index, const std::string& name) {
  auto from = attacher_->attach(index, Direction::kIngress, programs_.from_underlay(), kProgramName);
  if (!from) return note_failure(name, from.error().message);
  auto to = attacher_->attach(index, Direction::kEgress, programs_.to_underlay(), kProgramName);
  if (!to) return note_failure(name, to.error().message);
  attached_.emplace(index, Attached{name, std::move(*from), std::move(*to)});
  failed_.erase(name);
  log::info("flows are mapped at an interface of the underlay", {{"interface", name}});
}

void UnderlayInterfaces::note_failure(const std::string& name, const std::string& reason) {
  const auto [known, fresh] = failed_.try_emplace(name, reason);
  if (!fresh && known->second == reason) return;
  known->second = reason;
  log::warning("flows cannot be mapped at an interface", {{"interface", name}, {"reason", reason}});
}

std::string UnderlayInterfaces::name(uint32_t index) const {
  const auto found = attached_.find(index);
  return found == attached_.end() ? "" : found->second.name;
}

}  // namespace sonde::exporter
