#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock.h"

namespace sonde::exporter {

/// Chooses which keys have rows of their own: those with the most traffic of late. With those that have left
/// and whose rows still linger they are never more than `most_rows`, so who comes may have to wait for one to
/// go. Traffic counts with a half-life of five minutes, and a row is taken away only for a key with twice its
/// traffic: rows that come and go with every scrape are of no use to anyone. Threads: one.
class RowBudget {
 public:
  RowBudget(size_t most_rows, SteadyClock::duration linger) : most_rows_(most_rows), linger_(linger) {}

  /// Bytes that a key has had since the last choose().
  void add(const std::string& key, uint64_t bytes);
  /// Its pod has ended: its row lingers from now on.
  void end(const std::string& key, SteadyTime now);
  /// Chooses.
  void choose(SteadyTime now);

  [[nodiscard]] bool has_row(const std::string& key) const;
  /// Keys that wait for a row, among those remembered (ten for each row at least).
  [[nodiscard]] size_t waiting() const { return waiting_; }
  /// Rows: of keys that have one, and lingering.
  [[nodiscard]] size_t rows() const { return members_ + leaving_.size(); }

 private:
  struct Key {
    double score = 0;  ///< bytes, the older the less
    double fresh = 0;  ///< bytes since the last choose()
    bool member = false;
  };
  using Keys = std::unordered_map<std::string, Key>;

  void age(SteadyTime now);
  void admit(std::vector<Keys::value_type*>& waiting);
  void replace(const std::vector<Keys::value_type*>& waiting, SteadyTime now);
  void forget_smallest(std::vector<Keys::value_type*>& waiting);

  size_t most_rows_;
  SteadyClock::duration linger_;
  Keys keys_;
  std::unordered_map<std::string, SteadyTime> leaving_;  ///< keys whose rows linger, and since when
  size_t members_ = 0;
  size_t waiting_ = 0;
  SteadyTime aged_at_;
};

}  // namespace sonde::exporter
