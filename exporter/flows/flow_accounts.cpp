#include "exporter/flows/flow_accounts.h"

#include <utility>

#include "exporter/flows/flow_view.h"
#include "exporter/flows/flows_request.h"

namespace sonde::exporter {
namespace {

/// How often the thread looks whether slots run short.
constexpr auto kLookInterval = std::chrono::seconds(5);
/// What is counted is taken in so often although nobody scrapes: pods that end meanwhile are known then.
constexpr auto kDrainInterval = std::chrono::seconds(60);

http::Response error_page(int status, const std::string& message) {
  http::Response response;
  response.status = status;
  response.body = message + '\n';
  return response;
}

}  // namespace

FlowAccounts::FlowAccounts(FlowMonitor& monitor, const FlowRowsOptions& rows, NamedNetworks networks)
    : monitor_(monitor),
      table_(monitor.programs()),
      pair_table_(monitor.programs()),
      peers_(std::move(networks)),
      rows_(rows),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Result<void> FlowAccounts::update(const ContainerTable& containers, SteadyTime now) {
  const std::vector<FlowInterface> interfaces = monitor_.interfaces().current();
  const std::vector<ContainerAddresses> addresses = monitor_.interfaces().addresses();
  const std::lock_guard lock(mutex_);
  pods_.update(containers, interfaces, now);
  peers_.update(containers, interfaces, addresses);
  forget_gone(interfaces);
  auto drained = drain(now);
  rows_.settle(pods_, now);
  return drained;
}

/// The pairs of interfaces that are gone leave their slots to others.
void FlowAccounts::forget_gone(std::span<const FlowInterface> interfaces) {
  std::set<FlowPods::Interface> present;
  for (const FlowInterface& interface : interfaces) present.insert({interface.space, interface.index});
  for (const auto& [space, index] : interfaces_) {
    if (!present.contains({space, index})) pair_table_.forget({.space = space, .interface = index});
  }
  interfaces_ = std::move(present);
}

Result<void> FlowAccounts::drain(SteadyTime now) {
  auto deltas = pair_table_.drain(now);
  if (!deltas) return tl::unexpected(deltas.error());
  for (const PairDelta& delta : *deltas) {
    rows_.add(delta.key, delta.traffic, delta.samples, pods_, peers_, now);
  }
  drained_at_ = now;
  return {};
}

size_t FlowAccounts::pairs() const {
  const std::lock_guard lock(mutex_);
  return pair_table_.size();
}

void FlowAccounts::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kLookInterval, [] { return false; });
    const SteadyTime now = SteadyClock::now();
    const bool short_of_slots = pair_table_.size() * 4 >= size_t{monitor_.programs().options().max_pairs} * 3;
    if (stop.stop_requested() || (!short_of_slots && now - drained_at_ < kDrainInterval)) continue;
    // What cannot be read now is there the next time; a scrape that cannot read says so.
    if (!drain(now)) drained_at_ = now;
  }
}

http::Response FlowAccounts::page(const http::Request& request, const TranslationTable* translations) {
  const auto wanted = parse_flows_request(request);
  if (!wanted) return error_page(400, wanted.error().message);
  const auto entries = table_.read();
  if (!entries) return error_page(503, entries.error().message);
  http::Response response;
  response.content_type = "application/json";
  const std::lock_guard lock(mutex_);
  response.body = flows_json(*entries, *wanted, pods_, peers_, translations, SteadyClock::now());
  return response;
}

}  // namespace sonde::exporter
