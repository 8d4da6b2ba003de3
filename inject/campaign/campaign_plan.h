#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "inject/campaign/flag_range.h"
#include "inject/workload/workload.h"

namespace sonde::inject {

/// A container or a service, as flags of `sonde-inject FAULT` name it.
struct CampaignTarget {
  std::vector<std::string> flags;  ///< "--service=api"
  std::string text;                ///< "service=api", for people
};

/// A fault with its flags.
struct CampaignFault {
  std::string fault;  ///< subcommand of sonde-inject
  std::vector<FlagRange> flags;
};

/// One entry of `faults`: what is done in one injection.
struct CampaignEntry {
  enum class Kind {
    kSingle,    ///< one fault in one target
    kTogether,  ///< several faults at once in one target
    kWalk,      ///< one fault that goes from target to target
    kHeavy,     ///< no fault: more load
  };
  Kind kind = Kind::kSingle;
  std::vector<CampaignFault> faults;      ///< one, or of kTogether several, or of kHeavy none
  std::optional<FlagRange> heavy_factor;  ///< of kHeavy: of the workload's rate
};

/// What a campaign's file says.
struct CampaignPlan {
  uint64_t seed = 1;
  uint64_t repeat = 1;  ///< injections of each entry in each target
  bool random_order = true;
  std::chrono::milliseconds warm_up{60'000};
  std::chrono::milliseconds injection_duration{60'000};
  std::chrono::milliseconds pause_time{20'000};
  std::vector<CampaignTarget> targets;
  std::vector<CampaignEntry> faults;
  std::optional<WorkloadOptions> workload;
};

/// Reads a campaign's file. Errors: kInvalid, one line: file, line, key, value, remedy. The values of faults'
/// flags are checked here too, those of targets are not.
Result<CampaignPlan> parse_campaign(std::string_view text, const std::string& file);

/// docs/campaign.yml: every key explained.
std::string_view campaign_example();

}  // namespace sonde::inject
