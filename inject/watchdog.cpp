#include "inject/watchdog.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/clock.h"
#include "common/log.h"
#include "inject/fault_state.h"
#include "inject/undo.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::seconds kPatience(5);

/// Sleeps until the injector is gone or the lease has run out; true for the first.
bool wait_for_end(const FileDescriptor& injector, SteadyTime lease_end) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(lease_end - SteadyClock::now());
    if (left.count() <= 0) return false;
    pollfd gone{injector.get(), POLLIN, 0};
    const int ready = poll(&gone, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // blind is as good as gone: undo rather than wait
  }
}

[[noreturn]] void run_watchdog(const FileDescriptor& injector_end, const std::filesystem::path& state_path,
                               const ProcessIdentity& injector, SteadyTime lease_end) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  setsid();
  prctl(PR_SET_NAME, "sonde-watchdog");
  const bool injector_gone = wait_for_end(injector_end, lease_end);
  const auto undone = undo_from_file(state_path, injector);
  remove_abandoned_drafts(state_path.parent_path());
  const std::string_view why = injector_gone ? "the injector is gone" : "the lease ran out";
  if (undone) {
    log::warning("fault undone by the watchdog", {{"because", why}, {"state", state_path.string()}});
  } else {
    log::error("the watchdog could not undo the fault; run sonde-inject undo",
               {{"because", why}, {"error", undone.error().message}});
  }
  _exit(undone ? 0 : 1);
}

}  // namespace

Result<Watchdog> Watchdog::start(const std::filesystem::path& state_path, const ProcessIdentity& injector,
                                 std::chrono::milliseconds lease) {
  const SteadyTime lease_end = SteadyClock::now() + lease;
  // Opened here: after the fork the injector could be dead and its pid another's.
  const FileDescriptor self = open_this_process();
  if (!self)
    return fail(ErrorCode::kUnsupported,
                fmt::format("pidfd_open: {}; needs Linux 5.3", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) return fail(ErrorCode::kUnavailable, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) run_watchdog(self, state_path, injector, lease_end);
  Watchdog watchdog;
  auto identity = identify(child);
  if (!identity) return tl::unexpected(identity.error());
  auto descriptor = open_process(*identity);
  if (!descriptor) return tl::unexpected(descriptor.error());
  watchdog.identity_ = *identity;
  watchdog.descriptor_ = std::move(*descriptor);
  return watchdog;
}

void Watchdog::dismiss() {
  if (const auto ended = end_process(identity_, kPatience); !ended) {
    log::warning("the watchdog does not end", {{"error", ended.error().message}});
  }
}

}  // namespace sonde::inject
