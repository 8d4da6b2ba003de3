#include "exporter/flows/attached_interfaces.h"

#include <algorithm>
#include <set>

#include "common/log.h"
#include "common/network/namespace_visit.h"

namespace sonde::exporter {
namespace {

constexpr std::chrono::seconds kRetryPeriod{10};
/// What one call may take: programs of a namespace are loaded in 0.1 s, and there may be hundreds of these.
constexpr std::chrono::milliseconds kLongestTurn{500};
constexpr std::string_view kProgram = "flow";

}  // namespace

Result<AttachedInterfaces::Space*> AttachedInterfaces::open_space(uint32_t space) {
  const auto known = spaces_.find(space);
  if (known != spaces_.end()) return &known->second;
  auto attacher = TcAttacher::open(options_.means);
  if (!attacher) return tl::unexpected(attacher.error());
  counts_.stale_removed += (*attacher)->stale_removed();
  const auto programs = options_.programs(space);
  if (!programs) return tl::unexpected(programs.error());
  return &spaces_.emplace(space, Space{std::move(*attacher), *programs}).first->second;
}

Result<TcMeans> AttachedInterfaces::open_home(uint32_t space) {
  home_space_ = space;
  // With kContainers nothing is attached here, but what a predecessor with another flag left is to go.
  if (options_.attach == FlowAttach::kContainers) {
    const auto attacher = TcAttacher::open(options_.means);
    if (!attacher) return tl::unexpected(attacher.error());
    counts_.stale_removed += (*attacher)->stale_removed();
    return (*attacher)->means();
  }
  const auto opened = open_space(space);
  if (!opened) return tl::unexpected(opened.error());
  return (*opened)->attacher->means();
}

Result<AttachedInterfaces::Attached> AttachedInterfaces::attach_here(const WantedInterface& wanted) {
  const auto space = open_space(wanted.interface.space);
  if (!space) return tl::unexpected(space.error());
  TcAttacher& attacher = *(*space)->attacher;
  // What a container sends comes in at the host end of its pair, and goes out at its own.
  const bool host_end = options_.attach == FlowAttach::kHostEnds;
  const Direction sent = host_end ? Direction::kIngress : Direction::kEgress;
  const Direction received = host_end ? Direction::kEgress : Direction::kIngress;
  auto from = attacher.attach(wanted.interface.index, sent, (*space)->programs.from_container, kProgram);
  if (!from) return tl::unexpected(from.error());
  auto to = attacher.attach(wanted.interface.index, received, (*space)->programs.to_container, kProgram);
  if (!to) return tl::unexpected(to.error());
  return Attached{wanted.interface, std::move(*from), std::move(*to)};
}

Result<AttachedInterfaces::Attached> AttachedInterfaces::attach(const WantedInterface& wanted) {
  if (wanted.process == 0) return attach_here(wanted);
  const auto name_space =
      open_namespace_of_process(options_.procfs, wanted.process, wanted.interface.network_namespace);
  if (!name_space) return tl::unexpected(name_space.error());
  const auto visit = NamespaceVisit::begin(name_space->get(), options_.home);
  if (!visit) return tl::unexpected(visit.error());
  return attach_here(wanted);
}

void AttachedInterfaces::sync(const std::vector<WantedInterface>& wanted, SteadyTime now) {
  std::map<Key, const WantedInterface*> by_key;
  for (const WantedInterface& entry : wanted) {
    by_key.emplace(Key{entry.interface.space, entry.interface.index}, &entry);
  }
  // A link that the kernel detached was at an interface that is gone: its index belongs to another now. A
  // filter that is missing was deleted by somebody.
  std::erase_if(interfaces_, [&](const auto& entry) {
    return !by_key.contains(entry.first) || !entry.second.from_container.holds() ||
           !entry.second.to_container.holds();
  });
  std::erase_if(failed_, [&](const auto& entry) { return !by_key.contains(entry.first); });
  drop_unused_spaces(wanted);
  unfinished_ = false;
  for (const auto& [key, entry] : by_key) {
    const auto known = interfaces_.find(key);
    if (known != interfaces_.end()) {
      known->second.interface = entry->interface;
      continue;
    }
    const auto failed = failed_.find(key);
    if (failed != failed_.end() && failed->second > now) continue;
    if (SteadyClock::now() - now > kLongestTurn) {
      unfinished_ = true;
      break;
    }
    auto attached = attach(*entry);
    if (attached) {
      failed_.erase(key);
      ++(attached->from_container.means() == TcMeans::kTcx ? counts_.tcx : counts_.clsact);
      interfaces_.emplace(key, std::move(*attached));
      continue;
    }
    // It went between listing and attaching; the event that says so is on its way.
    if (attached.error().code == ErrorCode::kNotFound) continue;
    ++counts_.failures;
    failed_.insert_or_assign(key, now + kRetryPeriod);
    if (!std::exchange(logged_failure_, true)) {
      log::warning("flow programs cannot be attached to an interface; further failures are only counted",
                   {{"interface", entry->interface.name}, {"reason", attached.error().message}});
    }
  }
  if (hidden() > 0 && !std::exchange(logged_hidden_, true)) {
    log::warning(
        "another program's tc filters stand in front of the flow programs, which do not see what those take",
        {{"interfaces", hidden()}});
  }
}

void AttachedInterfaces::look() {
  for (auto& [number, space] : spaces_) space.attacher->look();
}

size_t AttachedInterfaces::hidden() const {
  size_t sum = 0;
  for (const auto& [number, space] : spaces_) sum += space.attacher->hidden();
  return sum;
}

void AttachedInterfaces::drop_unused_spaces(const std::vector<WantedInterface>& wanted) {
  std::set<uint32_t> used{home_space_};
  for (const WantedInterface& entry : wanted) used.insert(entry.interface.space);
  std::erase_if(spaces_, [&](const auto& entry) {
    if (used.contains(entry.first)) return false;
    if (options_.release) options_.release(entry.first);
    return true;
  });
}

void AttachedInterfaces::forget(uint32_t space, uint32_t index) {
  interfaces_.erase({space, index});
  failed_.erase({space, index});
}

std::vector<FlowInterface> AttachedInterfaces::current() const {
  std::vector<FlowInterface> interfaces;
  interfaces.reserve(interfaces_.size());
  for (const auto& [key, attached] : interfaces_) interfaces.push_back(attached.interface);
  return interfaces;
}

size_t AttachedInterfaces::held_by(TcMeans means) const {
  return static_cast<size_t>(std::ranges::count_if(
      interfaces_, [&](const auto& entry) { return entry.second.from_container.means() == means; }));
}

SteadyTime AttachedInterfaces::next_retry() const {
  if (unfinished_) return SteadyTime::min();
  SteadyTime next = SteadyTime::max();
  for (const auto& [key, time] : failed_) next = std::min(next, time);
  return next;
}

}  // namespace sonde::exporter
