#include "exporter/flows/pair_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "exporter/flows/map_batches.h"

namespace sonde::exporter {
namespace {

constexpr uint32_t kPairs = 0;
constexpr uint32_t kOverflow = 1;

/// Of the time after which an idle pair is forgotten, where slots run short.
constexpr int kShorterUnderPressure = 10;

/// A struct of nothing but 64-bit counters, as those.
template <class Counters>
using Words = std::array<uint64_t, sizeof(Counters) / sizeof(uint64_t)>;

/// `now` less `before`; whether anything is left.
template <class Counters>
bool subtract(const Counters& now, const Counters& before, Counters& left) {
  auto words = std::bit_cast<Words<Counters>>(now);
  const auto old_words = std::bit_cast<Words<Counters>>(before);
  uint64_t any = 0;
  for (size_t i = 0; i < words.size(); ++i) any |= words[i] -= old_words[i];
  left = std::bit_cast<Counters>(words);
  return any != 0;
}

template <class Value>
Value value_at(const MapBatch& batch, size_t index) {
  Value value;
  std::memcpy(&value, batch.values.data() + index * sizeof(Value), sizeof(Value));
  return value;
}

}  // namespace

void wait_for_programs() {
  (void)::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0);
}

PairTable::PairTable(const FlowPrograms& programs, SteadyClock::duration idle)
    : programs_(programs),
      shares_(programs.map("pair_shares")),
      idle_(idle),
      cpus_(static_cast<size_t>(std::max(1, libbpf_num_possible_cpus()))),
      slots_(SONDE_PAIR_SLOTS(programs.options().max_pairs)) {}

pair_traffic PairTable::sum_over_cpus(const pair_traffic* of_cpus) const {
  Words<pair_traffic> sum{};
  for (size_t cpu = 0; cpu < cpus_; ++cpu) {
    const auto one = std::bit_cast<Words<pair_traffic>>(of_cpus[cpu]);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
  }
  return std::bit_cast<pair_traffic>(sum);
}

uint32_t PairTable::used(uint32_t which) const {
  uint32_t count = 0;
  (void)bpf_map_lookup_elem(programs_.map("slots_used"), &which, &count);
  // Programs that found no room may have counted on.
  return std::min(count, which == kPairs ? programs_.options().max_pairs : uint32_t{SONDE_OVERFLOW_SLOTS});
}

Result<void> PairTable::read_owners(SteadyTime now) {
  size_t owners = 0;
  const auto take = [&](const MapBatch& batch) {
    owners += batch.count;
    for (size_t i = 0; i < batch.count; ++i) {
      const auto number = value_at<uint32_t>(batch, i);
      if (number >= slots_.size() || slots_[number].used) continue;
      Slot& slot = slots_[number];
      slot.used = true;
      slot.active = now;
      std::memcpy(&slot.key, batch.keys.data() + i * sizeof(pair_key), sizeof(pair_key));
    }
  };
  auto read = read_hash(programs_.map("pairs"), sizeof(pair_key), sizeof(uint32_t), take);
  if (read) owners_ = owners;
  return read;
}

void PairTable::add_delta(Slot& slot, const pair_traffic& traffic, const pair_samples& samples,
                          SteadyTime now, std::vector<PairDelta>& deltas) {
  PairDelta delta{};
  const bool moved = subtract(traffic, slot.traffic, delta.traffic);
  const bool sampled = subtract(samples, slot.samples, delta.samples);
  if (!moved && !sampled) return;
  delta.key = slot.key;
  slot.traffic = traffic;
  slot.samples = samples;
  slot.active = now;
  deltas.push_back(delta);
}

Result<void> PairTable::read_counts(uint32_t first, uint32_t count, SteadyTime now,
                                    std::vector<PairDelta>& deltas) {
  sums_.assign(count, {});
  auto read =
      read_array(programs_.map("pair_traffic"), sizeof(pair_traffic) * cpus_, first, count,
                 [&](uint32_t begin, const MapBatch& batch) {
                   std::vector<pair_traffic> of_cpus(cpus_);
                   for (size_t i = 0; i < batch.count; ++i) {
                     std::memcpy(of_cpus.data(), batch.values.data() + i * cpus_ * sizeof(pair_traffic),
                                 cpus_ * sizeof(pair_traffic));
                     sums_[begin - first + i] = sum_over_cpus(of_cpus.data());
                   }
                 });
  if (!read) return read;
  return read_array(programs_.map("pair_samples"), sizeof(pair_samples), first, count,
                    [&](uint32_t begin, const MapBatch& batch) {
                      for (size_t i = 0; i < batch.count; ++i) {
                        Slot& slot = slots_[begin + i];
                        if (!slot.used) continue;  // its pair is younger than read_owners(): the next time
                        add_delta(slot, sums_[begin - first + i], value_at<pair_samples>(batch, i), now,
                                  deltas);
                      }
                    });
}

size_t PairTable::overflowed(SteadyTime now) const {
  const auto has = [&](const Slot& slot) { return slot.used && now - slot.active < std::chrono::minutes(1); };
  const std::span overflow = std::span(slots_).subspan(programs_.options().max_pairs);
  return static_cast<size_t>(std::ranges::count_if(overflow, has));
}

bool PairTable::slots_run_short() const {
  return shares_.in_use() * 2 >= programs_.options().max_pairs;
}

bool PairTable::is_pressed() const {
  return !gone_.empty() || slots_run_short();
}

/// Lets programs find the pairs no more that are not wanted; returns their slots.
std::vector<uint32_t> PairTable::unlist(SteadyTime now) {
  const auto idle = slots_run_short() ? idle_ / kShorterUnderPressure : idle_;
  const auto gone = std::exchange(gone_, {});
  const auto wanted = [&](const Slot& slot) {
    return now - slot.active < idle && std::ranges::none_of(
                                           gone,
                                           [&slot](const flow_interface_key& one) {
                                             return one.interface == slot.key.interface &&
                                                    one.space == slot.key.space;
                                           });
  };
  std::vector<uint32_t> retired;
  for (uint32_t number = 0; number < slots_.size(); ++number) {
    const Slot& slot = slots_[number];
    if (!slot.used || wanted(slot)) continue;
    if (bpf_map_delete_elem(programs_.map("pairs"), &slot.key) == 0) retired.push_back(number);
  }
  return retired;
}

/// Reads a slot's last counts and gives it to whoever comes.
void PairTable::reclaim(uint32_t number, SteadyTime now, std::vector<PairDelta>& deltas) {
  const std::vector<pair_traffic> no_traffic(cpus_);
  const pair_samples no_samples{};
  std::vector<pair_traffic> of_cpus(cpus_);
  Slot& slot = slots_[number];
  pair_samples samples = slot.samples;
  (void)bpf_map_lookup_elem(programs_.map("pair_traffic"), &number, of_cpus.data());
  (void)bpf_map_lookup_elem(programs_.map("pair_samples"), &number, &samples);
  add_delta(slot, sum_over_cpus(of_cpus.data()), samples, now, deltas);
  (void)bpf_map_update_elem(programs_.map("pair_traffic"), &number, no_traffic.data(), BPF_ANY);
  (void)bpf_map_update_elem(programs_.map("pair_samples"), &number, &no_samples, BPF_ANY);
  const bool overflow = number >= programs_.options().max_pairs;
  if (!overflow) shares_.give_back(share_of(slot.key.interface, slot.key.space));
  slot = Slot{.generation = slot.generation};
  (void)bpf_map_update_elem(programs_.map(overflow ? "free_overflow" : "free_pairs"), nullptr, &number,
                            BPF_ANY);
}

/// A program may have looked a pair up before it was deleted, and a flow may remember its slot: so first no
/// new ones may find it, then none that found it may run, then those that remember it are turned away, and
/// none of them may run; then its counts are final.
std::vector<PairDelta> PairTable::retire(SteadyTime now, const std::function<void()>& wait) {
  const std::vector<uint32_t> retired = unlist(now);
  std::vector<PairDelta> deltas;
  if (retired.empty()) return deltas;
  wait();
  for (const uint32_t number : retired) {
    ++slots_[number].generation;
    (void)bpf_map_update_elem(programs_.map("generations"), &number, &slots_[number].generation, BPF_ANY);
  }
  wait();
  for (const uint32_t number : retired) reclaim(number, now, deltas);
  return deltas;
}

Result<std::vector<PairDelta>> PairTable::drain(SteadyTime now) {
  if (auto read = read_owners(now); !read) return tl::unexpected<Error>(read.error());
  std::vector<PairDelta> deltas;
  const uint32_t max_pairs = programs_.options().max_pairs;
  // What one call returns is gone from the next, so an error after the first range is told the next time.
  auto read = read_counts(0, used(kPairs), now, deltas);
  if (read) read = read_counts(max_pairs, used(kOverflow), now, deltas);
  if (!read && deltas.empty()) return tl::unexpected<Error>(read.error());
  return deltas;
}

}  // namespace sonde::exporter
