#include "inject/left_behind.h"

#include <fmt/format.h>

#include <thread>

#include "common/clock.h"
#include "inject/fault_state.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::seconds kWatchdogPatience(5);
constexpr std::chrono::milliseconds kLookInterval(50);

/// Errors: what the file notes is left behind, or cannot be read.
Result<void> check_state(const std::filesystem::path& path, const std::string& cgroup, SteadyTime deadline) {
  for (;;) {
    const auto state = read_state(path);
    if (!state) {
      const bool undone = state.error().code == ErrorCode::kNotFound;
      return undone || !cgroup.empty() ? Result<void>() : tl::unexpected(state.error());
    }
    if (!cgroup.empty() && state->cgroup != cgroup) return {};
    if (state->boot_id != boot_id() || is_running(state->injector)) return {};
    if (!is_running(state->watchdog) || SteadyClock::now() >= deadline) {
      return fail(
          ErrorCode::kUnavailable,
          fmt::format("{} in {} was left behind by injector {}, which is gone; first run sonde-inject "
                      "undo --state-dir={}",
                      state->fault, state->cgroup, state->injector.pid, path.parent_path().string()));
    }
    std::this_thread::sleep_for(kLookInterval);
  }
}

}  // namespace

Result<void> check_nothing_left_behind(const std::filesystem::path& state_folder, const std::string& cgroup) {
  const SteadyTime deadline = SteadyClock::now() + kWatchdogPatience;
  for (const auto& path : list_states(state_folder)) {
    if (auto good = check_state(path, cgroup, deadline); !good) return good;
  }
  return {};
}

}  // namespace sonde::inject
