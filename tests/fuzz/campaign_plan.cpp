#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "inject/campaign/campaign_journal.h"
#include "inject/campaign/campaign_plan.h"
#include "inject/campaign/campaign_schedule.h"
#include "inject/fault_report.h"

// A campaign's file: what is accepted and small makes the same schedule twice. And the two formats that a
// campaign reads back: its journal and its injectors' reports.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::inject;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)CampaignJournal::parse(text, "schedule");
  if (const auto report = parse_report(text); report && !parse_report(format_report(*report))) std::abort();
  const auto plan = parse_campaign(text, "campaign");
  if (!plan || plan->repeat * plan->targets.size() * plan->faults.size() > 1000) return 0;
  if (make_schedule(*plan).text(*plan) != make_schedule(*plan).text(*plan)) std::abort();
  return 0;
}
