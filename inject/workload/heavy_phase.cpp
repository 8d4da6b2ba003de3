#include "inject/workload/heavy_phase.h"

#include <initializer_list>

namespace sonde::inject {
namespace {

constexpr double kNeededShare = 0.5;  // of what is asked for beyond the usual rate
constexpr double kLeastSeconds = 1;   // of a stretch; fewer requests than the next say nothing of a rate
constexpr double kLeastRequests = 10;

}  // namespace

void HeavyPhase::advance(double seconds, double usual_rate, uint64_t answered) {
  for (Stretch* stretch : {&whole_, &last_}) {
    stretch->seconds += seconds;
    stretch->asked += seconds * usual_rate * factor_;
    stretch->needed += seconds * usual_rate * (1 + kNeededShare * (factor_ - 1));
    stretch->answered += static_cast<double>(answered - answered_);
  }
  answered_ = answered;
  if (last_.seconds < kLeastSeconds || last_.asked < kLeastRequests) return;
  reached_ = last_.is_enough();
  last_ = {};
}

}  // namespace sonde::inject
