#include "exporter/flows/flow_worker.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "common/network/namespace_visit.h"

namespace sonde::exporter {
namespace {

/// After a change of links, how soon containers are looked for again; twice as long each time.
constexpr std::chrono::milliseconds kShortestPause{50};
constexpr std::chrono::milliseconds kLongestPause{2000};

}  // namespace

FlowWorker::FlowWorker(const FlowInterfacesOptions& options, NetlinkSocket events, NetlinkSocket requests,
                       InterfacePlanner planner, uint32_t space)
    : options_(options),
      space_(space),
      events_(std::move(events)),
      requests_(std::move(requests)),
      planner_(std::move(planner)),
      containers_(options.procfs, options.attach == FlowAttach::kContainers) {}

Result<std::unique_ptr<FlowWorker>> FlowWorker::open(const FlowInterfacesOptions& options) {
  const uint32_t space = options.network_namespace.empty() ? 0 : 1;
  auto planner = InterfacePlanner::create(options.attach, space, options.node_interfaces);
  if (!planner) return tl::unexpected(planner.error());
  auto home = open_network_namespace(options.network_namespace.empty() ? "/proc/thread-self/ns/net"
                                                                       : options.network_namespace);
  if (!home) return tl::unexpected(home.error());
  if (space != 0) {
    if (auto entered = enter_network_namespace(home->get()); !entered) return tl::unexpected(entered.error());
  }
  // Events first, so that what changes during the listing is heard of.
  auto events = NetlinkSocket::open(NETLINK_ROUTE, {RTNLGRP_LINK}, options.event_bytes);
  if (!events) return tl::unexpected(events.error());
  auto requests = NetlinkSocket::open(NETLINK_ROUTE);
  if (!requests) return tl::unexpected(requests.error());
  std::unique_ptr<FlowWorker> worker(
      new FlowWorker(options, std::move(*events), std::move(*requests), std::move(*planner), space));
  worker->home_ = std::move(*home);
  worker->attached_ =
      std::make_unique<AttachedInterfaces>(AttachedInterfaces::Options{.attach = options.attach,
                                                                       .means = options.means,
                                                                       .procfs = options.procfs,
                                                                       .home = worker->home_.get(),
                                                                       .programs = options.programs,
                                                                       .release = options.release});
  const auto means = worker->attached_->open_home(space);
  if (!means) return tl::unexpected(means.error());
  worker->means_ = *means;
  if (auto listed = worker->list_all(); !listed) return tl::unexpected(listed.error());
  return worker;
}

Result<void> FlowWorker::list_all() {
  auto links = list_links(requests_);
  if (!links) return tl::unexpected(links.error());
  std::map<uint32_t, Link> fresh;
  for (Link& link : *links) fresh.insert_or_assign(link.index, std::move(link));
  for (const auto& [index, link] : links_) {
    if (!fresh.contains(index)) planner_.forget(index);
  }
  links_ = std::move(fresh);
  attached_->look();
  listing_due_ = false;
  listed_at_ = SteadyClock::now();
  return {};
}

void FlowWorker::apply(const nlmsghdr& message) {
  auto link = parse_link(message);
  if (!link) return;
  if (message.nlmsg_type == RTM_DELLINK) {
    links_.erase(link->index);
    planner_.forget(link->index);
    attached_->forget(space_, link->index);
  } else {
    links_.insert_or_assign(link->index, std::move(*link));
  }
  pause_ = kShortestPause;
}

void FlowWorker::take_events() {
  const auto complete = events_.receive([this](const nlmsghdr& message) { apply(message); });
  if (!complete || !*complete) {
    listing_due_ = true;
    ++relistings_;
  }
}

void FlowWorker::work(SteadyTime now) {
  pause_ = std::clamp(pause_ * 2, kShortestPause, kLongestPause);
  worked_at_ = now;
  take_events();
  if (now - listed_at_ >= options_.list_period) listing_due_ = true;
  // Where it fails it stays due.
  if (listing_due_) (void)list_all();
  if (options_.attach == FlowAttach::kNode) {
    auto addresses = list_addresses(requests_);
    if (addresses) addresses_ = std::move(*addresses);
  }
  containers_.update(requests_, options_.containers(), now);
  const InterfacePlan plan = planner_.plan(links_, addresses_, containers_);
  unowned_ = plan.unowned;
  attached_->sync(plan.wanted, now);
}

SteadyTime FlowWorker::next() const {
  return std::min(worked_at_ + pause_, attached_->next_retry());
}

}  // namespace sonde::exporter
