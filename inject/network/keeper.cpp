#include "inject/network/keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

namespace sonde::inject {
namespace {

constexpr std::chrono::milliseconds kStartPatience(10'000);
constexpr std::chrono::milliseconds kEndPatience(3'000);
constexpr std::string_view kPlaced = "ok";

/// Both ends of a pipe.
struct OneWay {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

OneWay make_one_way() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

/// SIGTERM, from whoever undoes the fault or from the kernel when the injector dies, as something to poll.
FileDescriptor end_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<void> enter_and_place(const TargetNetwork& network, const Keeper::Work& work) {
  if (auto entered = network.enter(); !entered) return entered;
  return work.place();
}

/// The keeper's whole life.
[[noreturn]] void run_keeper(const TargetNetwork& network, pid_t parent, SteadyTime lease_end,
                             const OneWay& go, const OneWay& answer, const Keeper::Work& work) {
  const FileDescriptor end = end_signal();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(0);  // it died before the line above
  prctl(PR_SET_NAME, "sonde-net-fault");
  char word = 0;
  pollfd waiting[] = {{go.read_end.get(), POLLIN, 0}, {end.get(), POLLIN, 0}};
  while (poll(waiting, 2, -1) < 0 && errno == EINTR) continue;
  if ((waiting[1].revents & POLLIN) != 0 || read(go.read_end.get(), &word, 1) != 1) _exit(0);
  const Result<void> placed = enter_and_place(network, work);
  const std::string text = placed ? std::string(kPlaced) : placed.error().message;
  if (write(answer.write_end.get(), text.data(), text.size()) < 0 || !placed) _exit(1);
  work.keep(end.get(), lease_end);
  _exit(0);
}

}  // namespace

Result<Keeper> Keeper::fork(const TargetNetwork& network, SteadyTime lease_end, const Work& work) {
  OneWay go = make_one_way();
  OneWay answer = make_one_way();
  const pid_t parent = getpid();
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorCode::kUnavailable, fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child == 0) {
    go.write_end.reset();  // or the end of the injector would not be seen
    run_keeper(network, parent, lease_end, go, answer, work);
  }
  Keeper keeper;
  auto identity = identify(child);
  if (!identity) return tl::unexpected(identity.error());
  auto descriptor = open_process(*identity);
  if (!descriptor) return tl::unexpected(descriptor.error());
  keeper.identity_ = *identity;
  keeper.descriptor_ = std::move(*descriptor);
  keeper.go_ = std::move(go.write_end);
  keeper.answer_ = std::move(answer.read_end);
  return keeper;
}

Result<void> Keeper::start() {
  constexpr std::string_view kDied = "the process that was to hold the fault died before it was in place";
  if (write(go_.get(), "g", 1) != 1) return fail(ErrorCode::kUnavailable, std::string(kDied));
  pollfd answered{answer_.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&answered, 1, static_cast<int>(kStartPatience.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    return fail(ErrorCode::kUnavailable,
                "the process that was to hold the fault has not answered for 10 s; see what stops it (a "
                "freezer, a debugger) and try again");
  }
  std::array<char, 1024> text{};
  if (read(answer_.get(), text.data(), text.size() - 1) <= 0)
    return fail(ErrorCode::kUnavailable, std::string(kDied));
  if (text.data() != kPlaced) return fail(ErrorCode::kUnavailable, text.data());
  return {};
}

Result<void> end_keeper(const ProcessIdentity& keeper) {
  if (const auto descriptor = open_process(keeper)) {
    send_signal(*descriptor, SIGTERM);
    pollfd gone{descriptor->get(), POLLIN, 0};
    poll(&gone, 1, static_cast<int>(kEndPatience.count()));
  }
  return end_process(keeper, kEndPatience);
}

}  // namespace sonde::inject
