#include "inject/process.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

extern "C" {
#include <sys/pidfd.h>  // Debian 12's glibc declares these without C linkage
}

namespace sonde::inject {

/// The command name (field 2) may hold spaces and parentheses, so count from its last one.
Result<ProcessStat> read_process_stat(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  // getline: an iterator would throw where the process ends between open and read.
  std::string text;
  std::getline(file, text, '\0');
  const auto name_begin = text.find('(');
  const auto name_end = text.rfind(')');
  if (name_begin == std::string::npos || name_end == std::string::npos) {
    return fail(ErrorCode::kNotFound, fmt::format("no process {}", pid));
  }
  std::istringstream fields(text.substr(name_end + 1));
  ProcessStat stat;
  stat.name = text.substr(name_begin + 1, name_end - name_begin - 1);
  std::string skipped;
  fields >> stat.state >> stat.parent >> stat.group;
  for (int field = 6; field < 22; ++field) fields >> skipped;
  if (!(fields >> stat.start_ticks)) return fail(ErrorCode::kNotFound, fmt::format("no process {}", pid));
  return stat;
}

Result<ProcessIdentity> identify(pid_t pid) {
  const auto stat = read_process_stat(pid);
  if (!stat) return tl::unexpected(stat.error());
  return ProcessIdentity{pid, stat->start_ticks};
}

bool is_running(const ProcessIdentity& process) {
  const auto stat = read_process_stat(process.pid);
  return stat && stat->start_ticks == process.start_ticks && stat->runs();
}

Result<FileDescriptor> open_process(const ProcessIdentity& process) {
  FileDescriptor descriptor(pidfd_open(process.pid, 0));
  // The order matters: once the pidfd is held, the pid cannot be reused between this look and the signal.
  if (!descriptor || !is_running(process)) {
    return fail(ErrorCode::kNotFound, fmt::format("process {} is gone", process.pid));
  }
  return descriptor;
}

FileDescriptor open_this_process() {
  return FileDescriptor(pidfd_open(getpid(), 0));
}

bool send_signal(const FileDescriptor& process, int signal_number) {
  return pidfd_send_signal(process.get(), signal_number, nullptr, 0) == 0;
}

Result<void> end_process(const ProcessIdentity& process, std::chrono::milliseconds patience) {
  const auto descriptor = open_process(process);
  if (descriptor) {
    if (!send_signal(*descriptor, SIGKILL) && errno != ESRCH) {
      return fail(ErrorCode::kPermission,
                  fmt::format("cannot kill process {}: {}; run as root", process.pid, std::strerror(errno)));
    }
    pollfd gone{descriptor->get(), POLLIN, 0};
    if (poll(&gone, 1, static_cast<int>(patience.count())) <= 0) {
      return fail(ErrorCode::kTimeout, fmt::format("process {} was killed but is not gone after {} ms",
                                                   process.pid, patience.count()));
    }
  }
  waitpid(process.pid, nullptr, WNOHANG);  // ECHILD where it is another's child: its parent or init reaps it
  return {};
}

Result<uint64_t> cpu_time_ns(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) {
    return fail(ErrorCode::kNotFound, fmt::format("no process {}", pid));
  }
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(used.tv_nsec);
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id;
}

}  // namespace sonde::inject
