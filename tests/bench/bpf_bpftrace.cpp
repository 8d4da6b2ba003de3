#include "tests/bench/bpf_bpftrace.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace sonde::bench {
namespace {

constexpr const char* kTracefs = "/sys/kernel/tracing";

std::set<uint32_t> programs_in_kernel() {
  std::set<uint32_t> all;
  for (uint32_t id = 0; bpf_prog_get_next_id(id, &id) == 0;) all.insert(id);
  return all;
}

pid_t start(const std::string& script) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int nothing = ::open("/dev/null", O_WRONLY);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(nothing, STDERR_FILENO);
    ::execlp("bpftrace", "bpftrace", "-e", script.c_str(), nullptr);
    ::_exit(127);
  }
  return child;
}

}  // namespace

Bpftrace::Bpftrace(const std::string& script) {
  mounted_ = ::access((std::string(kTracefs) + "/events").c_str(), F_OK) != 0 &&
             ::mount("none", kTracefs, "tracefs", 0, nullptr) == 0;
  others_ = programs_in_kernel();
  process_ = start(script);
  // It attaches one after the other: two looks in a row that find as many programs mean that it is through.
  size_t found = 0;
  for (int look = 0; look < 300; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    // By number: programs of the subject before this one may still be on their way out.
    const std::set<uint32_t> all = programs_in_kernel();
    const auto now = static_cast<size_t>(
        std::ranges::count_if(all, [this](uint32_t id) { return !others_.contains(id); }));
    if (now > 0 && now == found) return;
    found = now;
    if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
  }
  std::fprintf(stderr, "bpf_cost: bpftrace does not start with: %s\n", script.c_str());
  std::exit(1);
}

Bpftrace::~Bpftrace() {
  ::kill(process_, SIGINT);
  ::waitpid(process_, nullptr, 0);
  if (mounted_) ::umount(kTracefs);
}

std::map<std::string, Runs> Bpftrace::runs() const {
  std::map<std::string, Runs> all;
  for (const uint32_t id : programs_in_kernel()) {
    if (others_.contains(id)) continue;
    const int descriptor = bpf_prog_get_fd_by_id(id);
    if (descriptor < 0) continue;
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(descriptor, &info, &size) == 0) {
      all[info.name].count += info.run_cnt;
      all[info.name].time_ns += info.run_time_ns;
    }
    ::close(descriptor);
  }
  return all;
}

}  // namespace sonde::bench
