#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "common/http/server.h"
#include "inject/campaign/campaign_plan.h"
#include "inject/campaign/campaign_schedule.h"

namespace sonde::inject {

/// What `sonde-inject campaign` asks for.
struct CampaignOptions {
  std::string file;
  CampaignPlan plan;
  CampaignSchedule schedule;
  std::filesystem::path journal;
  bool resume = false;
  std::chrono::milliseconds linger{0};  ///< at most, for being scraped twice after the last end
  std::filesystem::path state_folder;
  std::string rootfs;
  std::string log_level;
  std::string log_format;
  http::WebOptions web;
};

/// Runs the schedule: each fault as a child injector, the workload within this process, all of it on one
/// /metrics. Returns the exit code: 0 every fault was proven, 1 it could not begin, 3 a signal ended it
/// early, 4 some faults showed no effect.
int run_campaign(CampaignOptions options);

/// Only looks whether each fault could be put where it should. Returns the exit code: 0, or 1 after saying
/// why.
int check_campaign(CampaignOptions options);

}  // namespace sonde::inject
