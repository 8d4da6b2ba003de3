#include "exporter/flows/flow_accounts.h"

#include <utility>

#include "exporter/flows/flow_view.h"
#include "exporter/flows/flows_request.h"

namespace sonde::exporter {
namespace {

/// How often the thread looks whether room is wanted.
constexpr auto kLookInterval = std::chrono::seconds(5);
/// How often it makes some unasked. What is counted is taken in then although nobody scrapes: pods that end
/// meanwhile are known.
constexpr auto kRoomInterval = std::chrono::seconds(60);

http::Response error_page(int status, const std::string& message) {
  http::Response response;
  response.status = status;
  response.body = message + '\n';
  return response;
}

}  // namespace

FlowAccounts::FlowAccounts(const BpfContext& bpf, FlowMonitor& monitor, const FlowRowsOptions& rows,
                           NamedNetworks networks,
                           std::function<std::shared_ptr<const ContainerTable>()> containers)
    : monitor_(monitor),
      containers_(std::move(containers)),
      table_(monitor.programs()),
      pair_table_(monitor.programs()),
      drops_(bpf),
      peers_(std::move(networks)),
      rows_(rows),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Result<void> FlowAccounts::update(const ContainerTable& containers, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  look_around(containers, now);
  auto drained = drain(now);
  rows_.settle(pods_, now);
  return drained;
}

/// Who there is now.
void FlowAccounts::look_around(const ContainerTable& containers, SteadyTime now) {
  const std::vector<FlowInterface> interfaces = monitor_.interfaces().current();
  const std::vector<ContainerAddresses> addresses = monitor_.interfaces().addresses();
  add(drops_.update(interfaces, addresses, now), now);  // while who is gone is still known
  pods_.update(containers, interfaces, now);
  peers_.update(containers, interfaces, addresses);
  forget_gone(interfaces);
}

/// The pairs and flows of interfaces that are gone leave their places to others.
void FlowAccounts::forget_gone(std::span<const FlowInterface> interfaces) {
  std::set<FlowPods::Interface> present;
  for (const FlowInterface& interface : interfaces) present.insert({interface.space, interface.index});
  for (const auto& [space, index] : interfaces_) {
    if (present.contains({space, index})) continue;
    pair_table_.forget({.space = space, .interface = index});
    gone_.insert({space, index});
  }
  interfaces_ = std::move(present);
}

Result<void> FlowAccounts::drain(SteadyTime now) {
  auto deltas = pair_table_.drain(now);
  if (!deltas) return tl::unexpected(deltas.error());
  add(*deltas, now);
  add(drops_.drain(now), now);
  return {};
}

void FlowAccounts::add(std::span<const FlowDrops::Delta> deltas, SteadyTime now) {
  for (const FlowDrops::Delta& delta : deltas) {
    rows_.add(delta.key, PairCounts{{}, {}, delta.drops}, pods_, peers_, now);
  }
}

void FlowAccounts::add(std::span<const PairDelta> deltas, SteadyTime now) {
  for (const PairDelta& delta : deltas) {
    rows_.add(delta.key, delta.traffic, delta.samples, pods_, peers_, now);
  }
}

/// A scrape never waits for this: `lock` is free while programs are waited for.
void FlowAccounts::make_room(SteadyTime now, std::unique_lock<std::mutex>& lock) {
  made_room_at_ = now;
  // What cannot be read now is there the next time; a scrape that cannot read says so.
  (void)drain(now);
  add(pair_table_.retire(now,
                         [&lock] {
                           lock.unlock();
                           wait_for_programs();
                           lock.lock();
                         }),
      now);
  if (const auto gone = std::exchange(gone_, {}); !gone.empty()) {
    lock.unlock();
    table_.forget(gone);
    lock.lock();
  }
}

size_t FlowAccounts::pairs() const {
  const std::lock_guard lock(mutex_);
  return pair_table_.size();
}

size_t FlowAccounts::overflowed() const {
  const std::lock_guard lock(mutex_);
  return pair_table_.overflowed(SteadyClock::now());
}

void FlowAccounts::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kLookInterval, [] { return false; });
    if (stop.stop_requested()) return;
    const SteadyTime now = SteadyClock::now();
    look_around(*containers_(), now);
    if (pair_table_.is_pressed() || now - made_room_at_ >= kRoomInterval) make_room(now, lock);
  }
}

FlowDetails FlowAccounts::details() const {
  return {.interval = table_.interval(),
          .thresholds = monitor_.programs().thresholds(),
          .drops = drops_.connections()};
}

http::Response FlowAccounts::page(const http::Request& request, const TranslationTable* translations) {
  const auto wanted = parse_flows_request(request);
  if (!wanted) return error_page(400, wanted.error().message);
  (void)table_.end_interval();  // where it fails, so does what follows
  const auto entries = table_.read();
  if (!entries) return error_page(503, entries.error().message);
  http::Response response;
  response.content_type = "application/json";
  const std::lock_guard lock(mutex_);
  const SteadyTime now = SteadyClock::now();
  look_around(*containers_(), now);
  response.body = flows_json(*entries, *wanted, pods_, peers_, translations, details(), now);
  return response;
}

}  // namespace sonde::exporter
