#include "inject/undo.h"

#include <fmt/core.h>
#include <poll.h>

#include <csignal>

#include "inject/fault_state.h"
#include "inject/faults/fault_table.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPatience(10'000);

Result<void> remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error)
    return fail(ErrorCode::kUnavailable, fmt::format("cannot remove {}: {}", path.string(), error.message()));
  return {};
}

Result<void> undo_state(const FaultState& state) {
  if (state.boot_id != boot_id()) return {};  // a process fault does not survive a reboot
  const FaultRow* row = find_fault(state.fault);
  if (row == nullptr) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("fault '{}' is unknown to this version; undo it with the one that made it", state.fault));
  }
  return row->undo(state);
}

/// Asks a running injector to end (it undoes its fault itself) and waits until the process is gone; one that
/// hangs is killed and its fault undone here.
Result<void> end_injector(const FaultState& state) {
  if (const auto descriptor = open_process(state.injector)) {
    send_signal(*descriptor, SIGTERM);
    send_signal(*descriptor, SIGINT);  // the second signal: leave without lingering
    pollfd gone{descriptor->get(), POLLIN, 0};
    poll(&gone, 1, static_cast<int>(kPatience.count()));
  }
  if (auto ended = end_process(state.injector, kPatience); !ended) return ended;
  return end_process(state.watchdog, kPatience);
}

/// One file's line on stdout; false where something is left that should not be.
bool undo_one(const fs::path& path, bool all) {
  const auto state = read_state(path);
  if (!state) {
    if (state.error().code == ErrorCode::kNotFound) return true;  // undone meanwhile
    fmt::print("{}\n", state.error().message);
    return false;
  }
  if (state->boot_id == boot_id() && is_running(state->injector)) {
    if (!all) {
      fmt::print("{} in {}: in use by the running injector {}, left alone; end it or use --all\n",
                 state->fault, state->cgroup, state->injector.pid);
      return true;
    }
    if (auto ended = end_injector(*state); !ended) {
      fmt::print("{} in {}: {}\n", state->fault, state->cgroup, ended.error().message);
      return false;
    }
  }
  if (auto undone = undo_from_file(path); !undone) {
    fmt::print("{} in {}: {}\n", state->fault, state->cgroup, undone.error().message);
    return false;
  }
  fmt::print("{} in {}: undone\n", state->fault, state->cgroup);
  return true;
}

}  // namespace

Result<void> undo_from_file(const fs::path& path, const std::optional<ProcessIdentity>& injector) {
  const auto state = read_state(path);
  if (!state) {
    if (state.error().code == ErrorCode::kNotFound) return {};
    return tl::unexpected(state.error());
  }
  if (injector && state->injector != *injector) return {};
  if (auto undone = undo_state(*state); !undone) return undone;
  return remove_file(path);
}

int run_undo(const fs::path& state_folder, bool all) {
  remove_abandoned_drafts(state_folder);
  const auto paths = list_states(state_folder);
  if (paths.empty()) {
    fmt::print("no fault is in place of which {} has a note{}; those with another --state-dir are not seen\n",
               state_folder.string(), fs::exists(state_folder) ? "" : " (there is no such folder)");
  }
  bool clean = true;
  for (const auto& path : paths) clean = undo_one(path, all) && clean;
  return clean ? 0 : 1;
}

}  // namespace sonde::inject
