#include "inject/campaign/campaign_schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/duration.h"

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;

std::vector<std::string> draw(const CampaignFault& fault, SeededRandom& random) {
  std::vector<std::string> flags;
  flags.reserve(fault.flags.size());
  for (const FlagRange& flag : fault.flags) flags.push_back(flag.draw(random));
  return flags;
}

double draw_factor(const FlagRange& range, SeededRandom& random) {
  const std::string flag = range.draw(random);
  return std::stod(flag.substr(flag.find('=') + 1));
}

/// What an entry is once: in that target, unless it has all of them, or none.
ScheduledInjection injection_of(const CampaignPlan& plan, const CampaignEntry& entry, size_t target,
                                SeededRandom& random) {
  ScheduledInjection injection;
  injection.duration = plan.injection_duration;
  switch (entry.kind) {
    case CampaignEntry::Kind::kSingle:
    case CampaignEntry::Kind::kTogether:
      for (const CampaignFault& fault : entry.faults) {
        injection.faults.push_back(
            {fault.fault, target, draw(fault, random), milliseconds(0), plan.injection_duration});
      }
      break;
    case CampaignEntry::Kind::kWalk: {
      const auto flags = draw(entry.faults.front(), random);
      const auto step = plan.injection_duration / static_cast<int64_t>(plan.targets.size());
      for (size_t stop = 0; stop < plan.targets.size(); ++stop) {
        injection.faults.push_back(
            {entry.faults.front().fault, stop, flags, step * static_cast<int64_t>(stop), step});
      }
      break;
    }
    case CampaignEntry::Kind::kHeavy:
      injection.heavy_factor = draw_factor(*entry.heavy_factor, random);
      break;
  }
  return injection;
}

bool has_target(const CampaignEntry& entry) {
  return entry.kind == CampaignEntry::Kind::kSingle || entry.kind == CampaignEntry::Kind::kTogether;
}

}  // namespace

CampaignSchedule make_schedule(const CampaignPlan& plan) {
  SeededRandom random(plan.seed);
  CampaignSchedule schedule;
  for (uint64_t round = 0; round < plan.repeat; ++round) {
    for (size_t target = 0; target < plan.targets.size(); ++target) {
      for (const CampaignEntry& entry : plan.faults) {
        if (!has_target(entry)) continue;
        schedule.injections.push_back(injection_of(plan, entry, target, random));
      }
    }
    for (const CampaignEntry& entry : plan.faults) {
      if (!has_target(entry)) schedule.injections.push_back(injection_of(plan, entry, 0, random));
    }
  }
  if (plan.random_order) random.shuffle(schedule.injections);
  schedule.duration = plan.warm_up;
  for (ScheduledInjection& injection : schedule.injections) {
    injection.begin = schedule.duration;
    schedule.duration += injection.duration + plan.pause_time;
  }
  return schedule;
}

std::string describe(const ScheduledInjection& injection, const CampaignPlan& plan) {
  if (injection.faults.empty())
    return fmt::format("heavy workload, {:g} times the rate", injection.heavy_factor);
  std::string text;
  for (const ScheduledFault& fault : injection.faults) {
    if (!text.empty()) text += fault.begin.count() > 0 ? ", then " : " and ";
    text += fmt::format("{}{}{} in {}", fault.fault, fault.flags.empty() ? "" : " ",
                        fmt::join(fault.flags, " "), plan.targets[fault.target].text);
  }
  return text;
}

std::string CampaignSchedule::text(const CampaignPlan& plan) const {
  std::string table = fmt::format("{:>4}  {:>9}  {:>7}  {}\n", "#", "begins at", "lasts", "what");
  for (size_t i = 0; i < injections.size(); ++i) {
    const auto seconds = injections[i].begin.count() / 1000;
    table += fmt::format("{:>4}  {:>3}:{:02}:{:02}  {:>7}  {}\n", i + 1, seconds / 3600, seconds / 60 % 60,
                         seconds % 60, duration_text(injections[i].duration), describe(injections[i], plan));
  }
  return table;
}

}  // namespace sonde::inject
