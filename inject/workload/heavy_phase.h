#pragma once

#include <cstdint>

namespace sonde::inject {

/// Whether a phase of heavy workload is one: half of what is asked for beyond the usual rate is answered, as
/// of a fault half of its effect must be measured. It is told of stretches of at least a second and ten
/// requests, and of the phase as a whole. Pure; threads: one.
class HeavyPhase {
 public:
  /// `factor`: of the usual rate; `answered`: requests by now, a counter.
  HeavyPhase(double factor, uint64_t answered) : factor_(factor), answered_(answered) {}

  /// So much time has passed at that usual rate (requests per second).
  void advance(double seconds, double usual_rate, uint64_t answered);

  /// In the last whole stretch.
  [[nodiscard]] bool is_reached() const { return reached_; }
  /// From its begin until now.
  [[nodiscard]] bool was_reached() const { return whole_.is_enough(); }

 private:
  struct Stretch {
    double seconds = 0;
    double asked = 0;   ///< requests
    double needed = 0;  ///< of those, answers
    double answered = 0;

    [[nodiscard]] bool is_enough() const { return answered > 0 && answered >= needed; }
  };

  double factor_;
  uint64_t answered_;
  Stretch whole_;
  Stretch last_;  ///< not over yet
  bool reached_ = false;
};

}  // namespace sonde::inject
