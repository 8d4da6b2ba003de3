#include "analyzer/report/health.h"

namespace sonde::analyzer {

HealthBoard::HealthBoard(const std::vector<std::string>& failure_reasons) {
  for (const std::string& reason : failure_reasons) health_.failures[reason] = 0;
  for (const Abstention why :
       {Abstention::kNoModel, Abstention::kMissingFeature, Abstention::kAmbiguousService,
        Abstention::kLowConfidence, Abstention::kUnsettled}) {
    health_.abstentions[std::string(abstention_name(why))] = 0;
  }
}

Health HealthBoard::read() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

void HealthBoard::tick_succeeded(double seconds, uint64_t series, uint64_t samples, bool published,
                                 double now_seconds) {
  const std::lock_guard lock(health_mutex_);
  ++health_.ticks;
  health_.reports += published ? 1U : 0U;
  health_.last_tick_seconds = seconds;
  health_.series_read = series;
  health_.samples_read = samples;
  health_.last_success_seconds = now_seconds;
  health_.last_fault.clear();
}

void HealthBoard::tick_failed(double seconds, const std::string& reason, const std::string& fault) {
  const std::lock_guard lock(health_mutex_);
  ++health_.ticks;
  ++health_.failures[reason];
  health_.last_fault = fault;
  health_.last_tick_seconds = seconds;
}

void HealthBoard::classified(Abstention why) {
  if (why == Abstention::kNone) return;
  const std::lock_guard lock(health_mutex_);
  ++health_.abstentions[std::string(abstention_name(why))];
}

void HealthBoard::configuration_loaded(bool successful, double now_seconds) {
  const std::lock_guard lock(health_mutex_);
  health_.reload_successful = successful;
  if (successful) health_.reload_seconds = now_seconds;
}

}  // namespace sonde::analyzer
