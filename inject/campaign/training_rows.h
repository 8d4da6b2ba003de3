#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "inject/campaign/campaign_schedule.h"

namespace sonde::inject {

/// How many rows `sonde-analyzer dataset` keeps at least of a fault, or of a phase of heavy workload, that is
/// there for `duration`, where the injector and all else is scraped every `step`. What an edge costs:
/// inject/README.md, "How long an injection must be".
size_t rows_of_fault(std::chrono::milliseconds duration, std::chrono::milliseconds step);

/// The same of a pause after an injection; its rows are of the class `normal`.
size_t rows_of_pause(std::chrono::milliseconds pause, std::chrono::milliseconds step);

/// For people: how many rows of each class the schedule leaves at each of the steps, a line a class; then a
/// line "warning: …" for each thing that teaches less than it seems to. A class is called by its target here:
/// containers of one service are one class to the dataset.
std::string training_rows_text(const CampaignPlan& plan, const CampaignSchedule& schedule,
                               const std::vector<std::chrono::milliseconds>& steps);

}  // namespace sonde::inject
