#pragma once

#include <filesystem>
#include <optional>

#include "common/result.h"
#include "inject/process.h"

namespace sonde::inject {

/// Takes back the fault that the state file describes, removes the file. A missing file is success, as is one
/// of another injector than `injector`, where that is given: the fault was undone. Errors: what is left and
/// why; the file stays then.
Result<void> undo_from_file(const std::filesystem::path& path,
                            const std::optional<ProcessIdentity>& injector = std::nullopt);

/// `sonde-inject undo`: undoes every fault in `state_folder` whose injector is gone, says so line by line on
/// stdout; with `all` ends running injectors too, who undo their own. Returns the exit code: 0 when nothing
/// is left that it should have taken away.
int run_undo(const std::filesystem::path& state_folder, bool all);

}  // namespace sonde::inject
