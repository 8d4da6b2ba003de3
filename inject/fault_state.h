#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "inject/process.h"

namespace sonde::inject {

/// All that anyone needs to undo a fault who was not there when it was made: the watchdog, or `sonde-inject
/// undo`. It is on disk before the fault takes effect and until it is undone.
struct FaultState {
  std::string fault;            ///< its row in the fault table
  std::string cgroup;           ///< the target, below the hierarchy root
  std::string boot_id;          ///< the processes below mean nothing in another boot
  int64_t expires_unix_ms = 0;  ///< the lease: from then on a fault still in place is undone by the watchdog
  ProcessIdentity injector;
  ProcessIdentity watchdog;
  std::vector<ProcessIdentity> processes;  ///< that the fault put into the target
  /// What else the fault needs for its undo, such as a limit's old value. Keys have no spaces, values no line
  /// ends.
  std::map<std::string, std::string> details;

  friend bool operator==(const FaultState&, const FaultState&) = default;
};

/// The file's text: one `key value…` a line.
std::string format_state(const FaultState& state);

/// Errors: kInvalid, naming the line.
Result<FaultState> parse_state(std::string_view text);

/// Where the state of an injector's fault is kept: a file that no later process of its pid takes for its own.
std::filesystem::path state_path(const std::filesystem::path& folder, const ProcessIdentity& injector);

/// Makes the folder if need be, and the file as a whole: it is never there in part, nor in place of another.
/// Errors: kPermission, kUnavailable.
Result<void> write_state(const std::filesystem::path& path, const FaultState& state);

/// Removes what writers had not published yet when they were killed.
void remove_abandoned_drafts(const std::filesystem::path& folder);

/// Reads it back. Errors: kNotFound; kPermission where another user could have written it (its processes
/// would be killed on that user's word); kInvalid.
Result<FaultState> read_state(const std::filesystem::path& path);

/// The state files in the folder; none where there is no such folder.
std::vector<std::filesystem::path> list_states(const std::filesystem::path& folder);

}  // namespace sonde::inject
