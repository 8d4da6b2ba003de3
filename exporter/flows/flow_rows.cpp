#include "exporter/flows/flow_rows.h"

#include <atomic>
#include <bit>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace sonde::exporter {
namespace {

/// Pairs of a pod and a peer that may be gathered between two scrapes, and that may wait for a pod, with the
/// counts of each; beyond that the peers of a pod are taken together. Cost: 1.2 kB each.
constexpr size_t kMostGathered = 8192;
constexpr size_t kMostWaiting = 1024;

static_assert(sizeof(PairCounts) == sizeof(pair_traffic) + sizeof(pair_samples) + sizeof(PairDrops));

void add_counts(PairCounters& sum, const PairCounters& counts) {
  for (size_t i = 0; i < kPairCounters; ++i) sum[i] += counts[i];
}

std::string key_of(uint64_t pod, const metrics::Labels& peer) {
  return std::to_string(pod) + ' ' + std::string(peer.text());
}

uint64_t bytes_of(const PairCounters& counters) {
  const auto counts = std::bit_cast<PairCounts>(counters);
  return counts.traffic.sent.bytes + counts.traffic.received.bytes;
}

RowRetention without_services(RowRetention retention) {
  retention.begin_at_zero = true;
  retention.most_services = 0;
  retention.ended_unlisted = std::make_shared<std::atomic<uint64_t>>(0);  // containers' rows count them
  return retention;
}

}  // namespace

FlowRows::FlowRows(const FlowRowsOptions& options)
    : options_(options),
      budget_(options.max_rows, options.retention.linger),
      totals_(kPairCounters, without_services(options.retention)) {}

void FlowRows::add(const pair_key& key, const pair_traffic& traffic, const pair_samples& samples,
                   FlowPods& pods, const PeerTable& peers, SteadyTime now) {
  add(key, PairCounts{traffic, samples, {}}, pods, peers, now);
}

void FlowRows::add(const pair_key& key, const PairCounts& pair, FlowPods& pods, const PeerTable& peers,
                   SteadyTime now) {
  const auto counts = std::bit_cast<PairCounters>(pair);
  const PeerName peer = peers.find(key.remote, key.space);
  const FlowPods::Interface interface{key.space, key.interface};
  if (const FlowPod* pod = pods.pod_of(interface, now)) {
    gather(pod->life, peer, counts);
    return;
  }
  if (waiting_.size() >= kMostWaiting && !waiting_.contains(interface)) {
    gather(pods.host().life, peer, counts);
    return;
  }
  auto& of_interface = waiting_[interface];
  const bool room = of_interface.size() < kMostWaiting;
  const PeerName& kept = room ? peer : other_peers();
  Waiting& waiting = of_interface[std::string(kept.labels().text())];
  waiting.peer = kept;
  add_counts(waiting.counts, counts);
}

void FlowRows::gather(uint64_t pod, const PeerName& peer, const PairCounters& counts) {
  std::string key = key_of(pod, peer.labels());
  const bool room = gathered_.size() < kMostGathered || gathered_.contains(key);
  if (!room) key = key_of(pod, other_peers().labels());
  Gathered& gathered = gathered_[std::move(key)];
  gathered.pod = pod;
  gathered.peer = room ? peer : other_peers();
  add_counts(gathered.counts, counts);
}

void FlowRows::resolve_waiting(FlowPods& pods, SteadyTime now) {
  for (auto interface = waiting_.begin(); interface != waiting_.end();) {
    const FlowPod* pod = pods.pod_of(interface->first, now);
    if (pod == nullptr) {
      ++interface;
      continue;
    }
    for (const auto& [key, waiting] : interface->second) gather(pod->life, waiting.peer, waiting.counts);
    interface = waiting_.erase(interface);
  }
}

void FlowRows::end_rows(const FlowPods& pods, SteadyTime now) {
  for (auto entry = pairs_.begin(); entry != pairs_.end();) {
    const FlowPod* pod = pods.find(entry->second.pod);
    const bool ended = pod == nullptr || !pod->alive;
    if (ended) budget_.end(entry->first, now);
    // Its last counts may be yet to come; then they are its own, as long as its row is remembered.
    const bool forgotten = pod == nullptr || (ended && !totals_.knows(entry->second.life));
    entry = forgotten ? pairs_.erase(entry) : std::next(entry);
  }
  std::erase_if(others_, [&](const auto& entry) { return pods.find(entry.first) == nullptr; });
}

/// Which of the pairs that were heard of have rows of their own now; the others have ~other's.
void FlowRows::choose_rows(const FlowPods& pods, SteadyTime now) {
  end_rows(pods, now);
  for (const auto& [key, gathered] : gathered_) {
    const bool own_row_ended = pairs_.contains(key) && !pods.find(gathered.pod)->alive;
    if (!own_row_ended && gathered.peer != other_peers()) budget_.add(key, bytes_of(gathered.counts));
  }
  budget_.choose(now);
  std::erase_if(pairs_, [&](const auto& entry) {
    return pods.find(entry.second.pod)->alive && !budget_.has_row(entry.first);
  });
  for (const auto& [key, gathered] : gathered_) {
    if (pairs_.contains(key)) continue;
    if (budget_.has_row(key)) {
      pairs_[key] = {++last_life_, gathered.pod, gathered.peer.labels()};
    } else if (uint64_t& life = others_[gathered.pod]; life == 0) {
      life = ++last_life_;
    }
  }
}

void FlowRows::name_owners(const FlowPods& pods, SteadyTime now) {
  static const metrics::Labels kNoService;
  std::deque<metrics::Labels> labels;
  std::vector<CountOwner> owners;
  const auto name = [&](uint64_t life, uint64_t of, const metrics::Labels& peer) {
    const FlowPod& pod = *pods.find(of);
    if (!pod.alive && totals_.knows(life)) return;
    labels.push_back(
        metrics::Labels::written(std::string(pod.labels.text()) + ',' + std::string(peer.text())));
    owners.push_back({life, &labels.back(), &kNoService, pod.alive, pod.name_number});
  };
  for (const auto& [key, pair] : pairs_) name(pair.life, pair.pod, pair.peer);
  const metrics::Labels others = other_peers().labels();
  for (const auto& [pod, life] : others_) name(life, pod, others);
  totals_.begin(owners, now);
}

void FlowRows::credit() {
  for (const auto& [key, gathered] : gathered_) {
    const auto pair = pairs_.find(key);
    if (pair != pairs_.end() && totals_.add(pair->second.life, gathered.counts)) continue;
    const auto other = others_.find(gathered.pod);
    if (other != others_.end()) totals_.add(other->second, gathered.counts);
  }
  gathered_.clear();
}

/// What was counted for pods whose rows nobody will see any more is the host's.
void FlowRows::rehome(const FlowPods& pods, SteadyTime now) {
  std::vector<Gathered> homeless;
  std::erase_if(gathered_, [&](const auto& entry) {
    const FlowPod* pod = pods.find(entry.second.pod);
    // The next scrape is to come before the row has lingered.
    if (pod != nullptr && (pod->alive || now - pod->ended_at < options_.retention.linger / 2)) return false;
    homeless.push_back(entry.second);
    return true;
  });
  for (const Gathered& gathered : homeless) gather(pods.host().life, gathered.peer, gathered.counts);
}

void FlowRows::settle(FlowPods& pods, SteadyTime now) {
  resolve_waiting(pods, now);
  rehome(pods, now);
  if (!options_.host_row) {
    std::erase_if(gathered_, [&](const auto& entry) { return entry.second.pod == pods.host().life; });
  }
  choose_rows(pods, now);
  name_owners(pods, now);
  credit();
  totals_.finish(now);
}

}  // namespace sonde::exporter
