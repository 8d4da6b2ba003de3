#include "exporter/container_totals.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sonde::exporter {
namespace {

/// How long a row waits for a successor with the same labels.
constexpr auto kRowsKept = std::chrono::minutes(10);

void raise(std::atomic<uint64_t>& count, uint64_t least) {
  uint64_t now = count;
  while (now < least && !count.compare_exchange_weak(now, least)) {
  }
}

}  // namespace

const metrics::MetricRow kEndedUnlistedRow{"sonde_exporter_ended_containers_unlisted_total",
                                           metrics::MetricType::kCounter, "", "",
                                           "Containers that ended and whose last counts are part of the row "
                                           "~other of sonde_exited_..._total, because "
                                           "500 other services have rows there."};

std::vector<CountOwner> owners_of(const ContainerTable& containers) {
  std::vector<CountOwner> owners;
  owners.reserve(containers.containers().size() + containers.ended().size());
  for (const Container& one : containers.containers()) {
    const uint32_t name = one.listed ? one.name_number : 0;
    owners.push_back({one.life, &one.labels, &one.service_labels, true, name, !one.listed});
  }
  for (const Container& one : containers.ended()) {
    owners.push_back({one.life, &one.labels, &one.service_labels, false, 0, !one.listed});
  }
  return owners;
}

ContainerTotals::StoredRow& ContainerTotals::row_of(const metrics::Labels& labels, SteadyTime now) {
  auto& stored = stored_[std::string(labels.text())];
  if (!stored) {
    stored = std::make_unique<StoredRow>();
    stored->row.labels = labels;
    stored->row.totals.assign(width_, 0);
    stored->alive_at = now;
    stored->made_in = scrapes_;
    if (retention_.begin_at_zero) {
      stored->held.assign(width_, 0);
      made_.push_back(stored.get());
    }
  }
  return *stored;
}

/// What a row counts now: not shown yet if this scrape made it and rows begin at 0.
std::vector<uint64_t>& ContainerTotals::counters_of(StoredRow& row) const {
  return retention_.begin_at_zero && row.made_in == scrapes_ ? row.held : row.row.totals;
}

/// The rows that the last scrape made have been exported as 0.
void ContainerTotals::show_held() {
  for (StoredRow* row : std::exchange(made_, {})) {
    for (size_t field = 0; field < width_; ++field) row->row.totals[field] += row->held[field];
    row->held = {};
  }
}

ContainerTotals::ServiceRow& ContainerTotals::service_of(const metrics::Labels& labels) {
  auto found = services_.find(std::string(labels.text()));
  const bool room = services_.size() < retention_.most_services;
  static const metrics::Labels kOther{{"namespace", ""}, {"service", "~other"}};
  const metrics::Labels& used = found != services_.end() || room ? labels : kOther;
  auto& service = found != services_.end() ? found->second : services_[std::string(used.text())];
  if (!service) {
    service = std::make_unique<ServiceRow>();
    service->shown.labels = used;
    service->shown.totals.assign(width_, 0);
    service->totals.assign(width_, 0);
    service->made_in = scrapes_;
  }
  return *service;
}

void ContainerTotals::begin(std::span<const CountOwner> owners, SteadyTime now) {
  ++scrapes_;
  show_held();
  named_.clear();
  for (const CountOwner& owner : owners) {
    const auto [found, is_new] = lives_.try_emplace(owner.life);
    Life& life = found->second;
    if (is_new) life.totals.assign(width_, 0);
    assert(!life.settled || !owner.alive);  // who has ended does not come back
    life.named_in = scrapes_;
    // Its labels may be others than before: it may have been part of ~other, or had no name.
    if (is_new || life.row->row.labels != *owner.labels) move_to(row_of(*owner.labels, now), life, owner);
    life.name = owner.name;
    const bool same_service = life.service != nullptr && life.service->shown.labels == *owner.service;
    if (!life.settled && !same_service) set_service(life, *owner.service);
    if (owner.of_many) life.row->of_many = true;
    if (owner.alive) {
      life.row->alive_at = now;
      life.row->alive_in = scrapes_;
      life.row->told = life.row->hidden = false;
      life.alive_in = scrapes_;
    }
    named_.push_back(life.row);
  }
}

void ContainerTotals::move_to(StoredRow& row, Life& life, const CountOwner& owner) {
  StoredRow* const before = std::exchange(life.row, &row);
  ++row.lives;
  row.forgotten = false;
  if (before == nullptr) return;
  --before->lives;
  const bool renamed = life.name != 0 && owner.name != 0 && life.name != owner.name;
  // A row that others have counted in as well stays: it must not fall.
  if (!renamed || before->lives > 0 || before->row.totals != life.totals) return;
  for (size_t field = 0; field < width_; ++field) row.row.totals[field] += life.totals[field];
  stored_.erase(std::string(before->row.labels.text()));
}

void ContainerTotals::set_service(Life& life, const metrics::Labels& labels) {
  ServiceRow& service = service_of(labels);
  life.unlisted = service.shown.labels != labels;
  ServiceRow* const before = std::exchange(life.service, &service);
  if (before == &service) return;
  ++service.lives;
  if (before == nullptr || --before->lives > 0) return;
  // Of a name that nothing ended with.
  const bool used = std::ranges::any_of(before->totals, [](uint64_t total) { return total != 0; });
  if (!used) services_.erase(std::string(before->shown.labels.text()));
}

bool ContainerTotals::add(uint64_t life_number, std::span<const uint64_t> increments) {
  const auto found = lives_.find(life_number);
  if (found == lives_.end()) return false;
  Life& life = found->second;
  std::vector<uint64_t>& sum = life.settled ? life.service->totals : life.totals;
  std::vector<uint64_t>& counters = counters_of(*life.row);
  for (size_t field = 0; field < width_; ++field) {
    counters[field] += increments[field];
    sum[field] += increments[field];
  }
  return true;
}

void ContainerTotals::settle(Life& life, SteadyTime now) {
  std::vector<uint64_t>& sum = life.service->totals;
  for (size_t field = 0; field < life.totals.size(); ++field) sum[field] += life.totals[field];
  life.totals.clear();
  life.totals.shrink_to_fit();
  life.settled = true;
  if (life.unlisted) raise(*retention_.ended_unlisted, ++ended_unlisted_);
  life.ended_at = now;
}

void ContainerTotals::finish(SteadyTime now) {
  for (auto& [number, life] : lives_) {
    if (!life.settled && life.alive_in != scrapes_) settle(life, now);
  }
  forget_old(now);
  list_rows(now);
  ended_listed_.clear();
  for (auto& [labels, service] : services_) {
    if (service->made_in != scrapes_) service->shown.totals = service->totals;
    ended_listed_.push_back(&service->shown);
  }
  std::ranges::sort(ended_listed_, {}, [](const Row* row) { return row->labels.text(); });
}

void ContainerTotals::forget_old(SteadyTime now) {
  const auto kept = std::max<SteadyClock::duration>(kRowsKept, retention_.linger);
  std::vector<std::pair<SteadyTime, uint64_t>> ended;
  size_t still_named = 0;
  for (const auto& [number, life] : lives_) {
    if (!life.settled) continue;
    // Forgotten, one that tables still have would begin again at the next scrape, from 0.
    if (life.named_in == scrapes_) {
      ++still_named;
    } else {
      ended.emplace_back(life.ended_at, number);
    }
  }
  const size_t room = retention_.most_ended - std::min(still_named, retention_.most_ended);
  const size_t surplus = ended.size() - std::min(ended.size(), room);
  std::ranges::nth_element(ended, ended.begin() + static_cast<ptrdiff_t>(surplus));
  const auto forgotten = std::partition(ended.begin() + static_cast<ptrdiff_t>(surplus), ended.end(),
                                        [&](const auto& one) { return now - one.first >= kept; });
  for (auto one = ended.begin(); one != forgotten; ++one) {
    const auto life = lives_.find(one->second);
    StoredRow& row = *life->second.row;
    row.forgotten = --row.lives == 0;
    --life->second.service->lives;
    lives_.erase(life);
  }
}

void ContainerTotals::hide_surplus(SteadyTime now) {
  std::vector<StoredRow*> told;
  for (const auto& [labels, row] : stored_) {
    if (row->told && !row->hidden && !row->of_many && now - row->alive_at < retention_.linger)
      told.push_back(row.get());
  }
  const size_t surplus = told.size() - std::min(told.size(), retention_.most_lingering);
  const auto kept = told.begin() + static_cast<ptrdiff_t>(surplus);
  std::ranges::nth_element(told, kept, {}, &StoredRow::alive_at);
  std::for_each(told.begin(), kept, [](StoredRow* row) { row->hidden = true; });
}

bool ContainerTotals::lingers(const StoredRow& row, SteadyTime now) const {
  return !row.hidden && now - row.alive_at < retention_.linger;
}

void ContainerTotals::list(StoredRow& row) {
  if (std::exchange(row.listed_in, scrapes_) == scrapes_) return;
  listed_.push_back(&row.row);
  const bool held = retention_.begin_at_zero && row.made_in == scrapes_;
  row.told = row.alive_in != scrapes_ && !held;
}

void ContainerTotals::list_rows(SteadyTime now) {
  listed_.clear();
  hide_surplus(now);
  for (StoredRow* row : named_) {
    if (row->alive_at == now || lingers(*row, now)) list(*row);
  }
  const auto lingering = static_cast<ptrdiff_t>(listed_.size());
  for (auto stored = stored_.begin(); stored != stored_.end();) {
    StoredRow& row = *stored->second;
    // A row that nobody points to may be one that its owner left for another: it lingers too.
    if (row.lives == 0 && (row.forgotten || now - row.alive_at >= retention_.linger)) {
      std::erase(made_, &row);
      stored = stored_.erase(stored);  // none of named_: those have a life
      continue;
    }
    if (lingers(row, now)) list(row);
    ++stored;
  }
  std::ranges::sort(listed_.begin() + lingering, listed_.end(), {},
                    [](const Row* row) { return row->labels.text(); });
}

}  // namespace sonde::exporter
