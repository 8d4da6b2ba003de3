#include "inject/campaign/fault_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "inject/process.h"

namespace sonde::inject {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr int kReportsInChild = 3;
constexpr size_t kLongestLine = 65536;

/// Attributes of a child: our signals, which this process blocks, reach it; a Ctrl-C on the terminal does
/// not, the campaign decides what it means.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~Attributes() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  void hand_over(int descriptor, int as) { posix_spawn_file_actions_adddup2(&actions_, descriptor, as); }

  Result<pid_t> spawn(const std::vector<std::string>& words) {
    std::vector<std::string> own(words);
    std::string name = "sonde-inject";
    std::vector<char*> argv = {name.data()};
    for (std::string& word : own) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int error = posix_spawn(&pid, kSelf, &actions_, &attributes_, argv.data(), environ);
    if (error != 0) {
      return fail(ErrorCode::kUnavailable, fmt::format("cannot start {}: {}", kSelf, std::strerror(error)));
    }
    return pid;
  }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

Result<FaultChild> FaultChild::start(const std::vector<std::string>& words) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  FaultChild child;
  child.reports_.reset(ends[0]);
  FileDescriptor write_end(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // dup2 onto itself would keep the close-on-exec flag.
  if (ends[1] == kReportsInChild) write_end.reset(fcntl(ends[1], F_DUPFD_CLOEXEC, kReportsInChild + 1));
  Attributes attributes;
  attributes.hand_over(write_end.get(), kReportsInChild);
  std::vector<std::string> with_reports(words);
  with_reports.push_back(fmt::format("--report-descriptor={}", kReportsInChild));
  const auto pid = attributes.spawn(with_reports);
  if (!pid) return tl::unexpected(pid.error());
  const auto identity = identify(*pid);
  auto process =
      identity ? open_process(*identity) : Result<FileDescriptor>(tl::unexpected(identity.error()));
  if (!process) return tl::unexpected(process.error());
  child.process_ = std::move(*process);
  child.identity_ = *identity;
  return child;
}

FaultChild::~FaultChild() {
  if (!process_ || exit_code_) return;  // moved away, or over
  ask_to_end();
  int status = 0;
  while (waitpid(identity_.pid, &status, 0) < 0 && errno == EINTR) continue;
}

std::vector<FaultReport> FaultChild::take_reports() {
  char buffer[4096];
  ssize_t size = -1;
  while (reports_ && (size = read(reports_.get(), buffer, sizeof buffer)) > 0) {
    unread_.append(buffer, static_cast<size_t>(size));
  }
  if (size == 0) reports_.reset();  // all of it was read; it would stay readable for ever
  std::vector<FaultReport> reports;
  size_t begin = 0;
  for (size_t end = 0; (end = unread_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    auto report = parse_report(std::string_view(unread_).substr(begin, end - begin));
    if (report) {
      reports.push_back(std::move(*report));
    } else {
      log::warning("an injector's report is skipped",
                   {{"pid", identity_.pid}, {"error", report.error().message}});
    }
  }
  unread_.erase(0, begin);
  if (unread_.size() > kLongestLine) unread_.clear();
  return reports;
}

std::optional<int> FaultChild::exit_code() {
  int status = 0;
  if (!exit_code_ && waitpid(identity_.pid, &status, WNOHANG) == identity_.pid) exit_code_ = code_of(status);
  return exit_code_;
}

void FaultChild::ask_to_end() const {
  send_signal(process_, SIGTERM);
}

void FaultChild::kill() const {
  send_signal(process_, SIGKILL);
}

}  // namespace sonde::inject
