#pragma once

#include <filesystem>
#include <string>

#include "common/result.h"

namespace sonde::inject {

/// Whether `state_folder` notes no fault of this boot whose injector is gone: such a fault may be in place
/// still, and what is injected beside it would be taken for all that is wrong. A watchdog that is at work on
/// it is waited for, five seconds. `cgroup`: only faults of that one count; "" for any. Errors: kUnavailable,
/// one line with the remedy; where any counts also files that cannot be read, as read_state().
Result<void> check_nothing_left_behind(const std::filesystem::path& state_folder,
                                       const std::string& cgroup = "");

}  // namespace sonde::inject
