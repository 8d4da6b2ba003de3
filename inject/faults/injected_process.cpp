#include "inject/faults/injected_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <new>
#include <thread>

#include "inject/container_processes.h"
#include "inject/freezer.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::seconds kKillPatience(5);
constexpr std::chrono::seconds kJoinPatience(10);
constexpr std::string_view kOurNames = "sonde-";

/// The two ends of a pipe that process and injector talk through once.
struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;

  static Pipe make() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  }
};

/// Closes all but 0 to 2 and the task's file.
void keep_descriptors(int file) {
  constexpr unsigned kFirst = InjectedProcess::kFile;
  if (file >= 0 && dup2(file, kFirst) == InjectedProcess::kFile) {
    close_range(kFirst + 1, ~0U, 0);
  } else {
    close_range(kFirst, ~0U, 0);
  }
}

/// The process's whole life.
[[noreturn]] void run_process(const CgroupTarget& target, const InjectedProcess::Task& task, pid_t parent,
                              SteadyTime lease_end, SharedFigures& figures, const Pipe& go,
                              const Pipe& answer) {
  die_with_parent(parent);
  setsid();
  prctl(PR_SET_NAME, task.name);
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  char word = 0;
  if (read(go.read_end.get(), &word, 1) != 1) _exit(0);
  const Result<void> joined = target.join();
  const std::string text = joined ? "ok" : joined.error().message;
  if (write(answer.write_end.get(), text.data(), text.size()) < 0 || !joined) _exit(1);
  keep_descriptors(task.file);
  task.work(figures, lease_end);
  _exit(0);
}

/// A process that enters a paused cgroup stands still there, and neither answers nor can be ended.
Result<void> refuse_paused(const CgroupTarget& target) {
  const auto freezer = Freezer::find(target);
  if (!freezer) return {};  // then nobody can pause it either
  const auto paused = freezer->is_asked_for();
  if (!paused) return tl::unexpected(paused.error());
  if (!*paused) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("'{}' is paused, or a cgroup above it is; resume it first", target.path()));
}

/// Readable while SIGINT or SIGTERM wait, which the injector has blocked; they are left for it to take.
FileDescriptor waiting_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC));
}

/// Waits for the process's word. Errors: kUnavailable at a signal, kTimeout.
Result<void> wait_for_answer(const FileDescriptor& answer) {
  const FileDescriptor signals = waiting_signals();
  std::array<pollfd, 2> polled = {{{answer.get(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
  const SteadyTime deadline = SteadyClock::now() + kJoinPatience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
    const int ready =
        poll(polled.data(), polled.size(), static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (polled[0].revents != 0) return {};
    if (polled[1].revents != 0) {
      return fail(ErrorCode::kUnavailable,
                  "a signal came before the injected process had reached the cgroup");
    }
    return fail(
        ErrorCode::kTimeout,
        fmt::format("the injected process does not answer from the cgroup for {} s; resume the cgroup if "
                    "it is paused",
                    kJoinPatience.count()));
  }
}

}  // namespace

void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it died before the line above
}

InjectedProcess::~InjectedProcess() {
  if (figures_ != nullptr) munmap(figures_, sizeof(SharedFigures));
}

Result<void> InjectedProcess::prepare(const CgroupTarget& target, FaultState& state, const Task& task) {
  if (auto runs = refuse_paused(target); !runs) return runs;
  void* page =
      mmap(nullptr, sizeof(SharedFigures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Pipe go = Pipe::make();
  Pipe answer = Pipe::make();
  if (page == MAP_FAILED || !go.read_end || !answer.read_end) {
    return fail(ErrorCode::kUnavailable, fmt::format("no memory or pipe to share: {}", std::strerror(errno)));
  }
  figures_ = new (page) SharedFigures;
  const auto lease = std::chrono::milliseconds(state.expires_unix_ms - unix_milliseconds_now());
  const SteadyTime lease_end = SteadyClock::now() + lease;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return fail(ErrorCode::kUnavailable, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) run_process(target, task, parent, lease_end, *figures_, go, answer);
  go_ = std::move(go.write_end);
  answer_ = std::move(answer.read_end);
  auto identity = identify(child);
  if (!identity) return tl::unexpected(identity.error());
  auto descriptor = open_process(*identity);
  if (!descriptor) return tl::unexpected(descriptor.error());
  identity_ = *identity;
  descriptor_ = std::move(*descriptor);
  state.processes.push_back(identity_);
  return {};
}

Result<void> InjectedProcess::start() {
  char text[512] = {};
  const bool told = write(go_.get(), "g", 1) == 1;
  if (told) {
    if (auto answered = wait_for_answer(answer_); !answered) return answered;
  }
  if (!told || read(answer_.get(), text, sizeof text - 1) <= 0) {
    return fail(ErrorCode::kUnavailable, "the injected process died before it reached the cgroup");
  }
  if (std::string_view(text) != "ok") return fail(ErrorCode::kUnavailable, text);
  return {};
}

std::vector<ProcessIdentity> kin_of(const ProcessIdentity& injected, const CgroupTarget& target) {
  std::vector<ProcessIdentity> kin;
  for (const pid_t pid : processes_in(target)) {
    const auto stat = read_process_stat(pid);
    // The group's number is nobody else's while it has members; the name guards against one made after it.
    if (stat && stat->runs() && stat->group == injected.pid && stat->name.starts_with(kOurNames)) {
      kin.push_back({pid, stat->start_ticks});
    }
  }
  return kin;
}

Result<void> end_injected_processes(const FaultState& state) {
  for (const auto& process : state.processes) {
    if (auto ended = end_process(process, kKillPatience); !ended) return ended;
  }
  const auto target = CgroupTarget::find(state.cgroup);
  if (!target) return {};  // the cgroup is gone, and so are all in it
  const SteadyTime deadline = SteadyClock::now() + kKillPatience;
  for (const auto& process : state.processes) {
    // Its children die with it, unless they were told not to yet: between fork and prctl.
    for (auto kin = kin_of(process, *target); !kin.empty(); kin = kin_of(process, *target)) {
      for (const auto& child : kin) {
        if (const auto descriptor = open_process(child)) send_signal(*descriptor, SIGKILL);
      }
      if (SteadyClock::now() > deadline) {
        return fail(ErrorCode::kTimeout,
                    fmt::format("{} processes were killed but are not gone after {} s, such as {}",
                                kin.size(), kKillPatience.count(), kin.front().pid));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  return {};
}

}  // namespace sonde::inject
