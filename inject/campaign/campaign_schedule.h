#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "inject/campaign/campaign_plan.h"

namespace sonde::inject {

/// One start of `sonde-inject FAULT …`.
struct ScheduledFault {
  std::string fault;
  size_t target = 0;                   ///< index into the plan's targets
  std::vector<std::string> flags;      ///< drawn
  std::chrono::milliseconds begin{0};  ///< since the injection's begin
  std::chrono::milliseconds duration{0};
};

/// One injection: what happens between two pauses.
struct ScheduledInjection {
  std::chrono::milliseconds begin{0};  ///< since the campaign's begin
  std::chrono::milliseconds duration{0};
  std::vector<ScheduledFault> faults;  ///< none in one of heavy workload
  double heavy_factor = 1;             ///< of the workload's rate; 1 in one of faults
};

/// A campaign as it will run: Algorithm 1 of Du et al. 2018 (for each container, for each fault: inject for
/// injection_duration, then pause_time), in the file's order or in a random one of the plan's seed, with what
/// is drawn from ranges drawn. The same plan gives the same schedule on every machine.
struct CampaignSchedule {
  std::vector<ScheduledInjection> injections;
  std::chrono::milliseconds duration{0};  ///< with warm-up and the last pause

  /// For people, and so that a journal knows its campaign: one line an injection.
  [[nodiscard]] std::string text(const CampaignPlan& plan) const;
};

CampaignSchedule make_schedule(const CampaignPlan& plan);

/// "cpu --cores=0.7 in service=api", in an injection's own words.
std::string describe(const ScheduledInjection& injection, const CampaignPlan& plan);

}  // namespace sonde::inject
