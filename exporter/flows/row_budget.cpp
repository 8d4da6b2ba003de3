#include "exporter/flows/row_budget.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace sonde::exporter {
namespace {

constexpr std::chrono::duration<double> kHalfLife = std::chrono::minutes(5);
/// A key that has less, and no row, is forgotten. Unit: bytes.
constexpr double kLeastScore = 1;
/// What waits is remembered for so many keys a row, and a few more.
constexpr size_t kRememberedPerRow = 10;
constexpr size_t kRememberedAtLeast = 1000;
/// A key with so many times a row's traffic takes its place.
constexpr double kStronger = 2;
/// At most so many rows in a hundred linger in order to make room.
constexpr size_t kLeavingPercent = 12;

}  // namespace

void RowBudget::add(const std::string& key, uint64_t bytes) {
  keys_[key].fresh += static_cast<double>(std::max<uint64_t>(bytes, 1));
}

void RowBudget::end(const std::string& key, SteadyTime now) {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return;
  if (found->second.member) {
    --members_;
    leaving_[key] = now;
  }
  keys_.erase(found);
}

bool RowBudget::has_row(const std::string& key) const {
  const auto found = keys_.find(key);
  return found != keys_.end() && found->second.member;
}

void RowBudget::age(SteadyTime now) {
  const std::chrono::duration<double> passed = now - aged_at_;
  const double kept = aged_at_ == SteadyTime() ? 1 : std::exp2(-passed / kHalfLife);
  aged_at_ = now;
  for (auto key = keys_.begin(); key != keys_.end();) {
    Key& one = key->second;
    one.score = one.score * kept + std::exchange(one.fresh, 0);
    const bool forgotten = !one.member && one.score < kLeastScore;
    key = forgotten ? keys_.erase(key) : std::next(key);
  }
  std::erase_if(leaving_, [&](const auto& entry) { return now - entry.second >= linger_; });
}

void RowBudget::choose(SteadyTime now) {
  age(now);
  std::vector<Keys::value_type*> waiting;
  for (auto& key : keys_) {
    if (!key.second.member) waiting.push_back(&key);
  }
  std::ranges::sort(waiting, [](const auto* left, const auto* right) {
    return std::tie(right->second.score, left->first) < std::tie(left->second.score, right->first);
  });
  admit(waiting);
  replace(waiting, now);
  forget_smallest(waiting);
  waiting_ = waiting.size();
}

/// Takes those that get a row out of `waiting`, the largest first.
void RowBudget::admit(std::vector<Keys::value_type*>& waiting) {
  size_t deserving = most_rows_ - members_;  // once all that leaves has left
  std::vector<Keys::value_type*> still_waiting;
  for (Keys::value_type* key : waiting) {
    const bool deserves = deserving > 0;
    if (deserves) --deserving;
    const bool lingers = leaving_.contains(key->first);  // its row is there already
    if (!deserves || (!lingers && rows() >= most_rows_)) {
      still_waiting.push_back(key);
      continue;
    }
    leaving_.erase(key->first);
    key->second.member = true;
    ++members_;
  }
  waiting = std::move(still_waiting);
}

/// Lets the smallest leave for those that wait: their room is free once they have lingered.
void RowBudget::replace(const std::vector<Keys::value_type*>& waiting, SteadyTime now) {
  std::vector<Keys::value_type*> members;
  for (auto& key : keys_) {
    if (key.second.member) members.push_back(&key);
  }
  std::ranges::sort(members, [](const auto* left, const auto* right) {
    return std::tie(left->second.score, left->first) < std::tie(right->second.score, right->first);
  });
  const size_t most_leaving = std::max<size_t>(1, most_rows_ * kLeavingPercent / 100);
  // Each that leaves already makes room for one that waits.
  for (size_t i = leaving_.size(), next = 0; i < std::min(waiting.size(), most_leaving); ++i, ++next) {
    if (next >= members.size() || waiting[i]->second.score < kStronger * members[next]->second.score) return;
    members[next]->second.member = false;
    --members_;
    leaving_[members[next]->first] = now;
  }
}

void RowBudget::forget_smallest(std::vector<Keys::value_type*>& waiting) {
  const size_t most = most_rows_ * kRememberedPerRow + kRememberedAtLeast;
  while (waiting.size() > most) {
    keys_.erase(waiting.back()->first);
    waiting.pop_back();
  }
}

}  // namespace sonde::exporter
