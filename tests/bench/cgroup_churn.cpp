// Makes and removes cgroups at a rate, each with a process that lives for a while; the load of
// cgroup_churn.py.
//
// usage: cgroup_churn BESIDE RATE LIFE_MS PARENT_DIRECTORY…
// Below each PARENT_DIRECTORY, the same cgroup in every hierarchy, makes BESIDE cgroups c-N with a sleeping
// process each and prints "ready". A line on stdin begins the churn: RATE cgroups job-N a second. A second
// line, or the end of stdin, ends it; then everything is removed again. Prints a line for each job-N that was
// removed: N, and the nanoseconds (CLOCK_MONOTONIC) at which its process was in it and at which it was
// killed.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <new>
#include <string>
#include <vector>

namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void complain(const std::string& what) {
  std::fprintf(stderr, "cgroup_churn: %s: %s\n", what.c_str(), std::strerror(errno));
}

/// Written by each process once it is in its cgroup, read by the program that made it: by number of the job.
constexpr size_t kBirths = 1024;
std::atomic<int64_t>* births = nullptr;

struct Job {
  std::string name;
  pid_t process = -1;
  size_t birth = 0;  ///< index into `births`

  [[nodiscard]] int64_t born() const { return births[birth]; }
};

/// Cgroups below the same parent in every hierarchy.
class Cgroups {
 public:
  explicit Cgroups(std::vector<std::string> parents) : parents_(std::move(parents)) {
    for (const std::string& parent : parents_) {
      v2_.push_back(access((parent + "/cgroup.controllers").c_str(), F_OK) == 0);
    }
  }

  /// Makes the cgroup and a process that joins it, notes its birth and sleeps.
  [[nodiscard]] Job begin(const std::string& kind, size_t number) const {
    Job job{.name = kind + std::to_string(number), .birth = number % kBirths};
    births[job.birth] = 0;
    clone_args arguments{};
    arguments.exit_signal = SIGCHLD;
    int directory = -1;
    for (size_t i = 0; i < parents_.size(); ++i) {
      const std::string path = path_of(i, job.name);
      if (mkdir(path.c_str(), 0755) != 0) complain(path);
      if (v2_[i]) directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (directory >= 0) {
      arguments.flags = CLONE_INTO_CGROUP;
      arguments.cgroup = static_cast<uint64_t>(directory);
    }
    job.process = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    if (job.process == 0) {
      join(job.name);
      births[job.birth] = now_ns();
      for (;;) pause();
    }
    if (job.process < 0) complain("clone3");
    if (directory >= 0) close(directory);
    return job;
  }

  static void kill_process(const Job& job) {
    kill(job.process, SIGKILL);
    waitpid(job.process, nullptr, 0);
  }

  /// Whether the cgroup is gone from every hierarchy; not before the kernel has let go of its last process.
  [[nodiscard]] bool remove(const std::string& name) const {
    bool gone = true;
    for (size_t i = 0; i < parents_.size(); ++i) {
      if (rmdir(path_of(i, name).c_str()) != 0 && errno != ENOENT) gone = false;
    }
    return gone;
  }

 private:
  [[nodiscard]] std::string path_of(size_t hierarchy, const std::string& name) const {
    return parents_[hierarchy] + "/" + name;
  }

  /// By "tasks", and of oneself: that alone does not stop all forks and exits of the machine meanwhile.
  void join(const std::string& name) const {
    for (size_t i = 0; i < parents_.size(); ++i) {
      if (v2_[i]) continue;
      const int file = open((path_of(i, name) + "/tasks").c_str(), O_WRONLY | O_CLOEXEC);
      if (file < 0 || write(file, "0", 1) != 1) _exit(2);
      close(file);
    }
  }

  std::vector<std::string> parents_;
  std::vector<bool> v2_;
};

bool told() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return poll(&input, 1, 0) > 0;
}

/// Makes and ends jobs until stdin tells.
void churn(const Cgroups& cgroups, double rate, int64_t life) {
  std::deque<Job> living;
  std::deque<std::string> leaving;
  size_t made = 0;
  const int64_t start = now_ns();
  bool ending = false;
  while (!ending || !living.empty() || !leaving.empty()) {
    ending = ending || told();
    const int64_t now = now_ns();
    const auto due = [&](size_t number) {
      return start + static_cast<int64_t>(static_cast<double>(number) / rate * static_cast<double>(kSecond));
    };
    const int64_t born = living.empty() ? 0 : living.front().born();
    if (born != 0 && born + life <= now) {
      const Job job = living.front();
      living.pop_front();
      std::printf("%s %lld %lld\n", job.name.c_str() + std::strlen("job-"), static_cast<long long>(born),
                  static_cast<long long>(now_ns()));
      Cgroups::kill_process(job);
      leaving.push_back(job.name);
    } else if (!ending && due(made) <= now) {
      living.push_back(cgroups.begin("job-", made++));
    } else {
      int64_t next = ending ? now + kSecond : due(made);
      if (born != 0) next = std::min(next, born + life);
      if (!leaving.empty()) next = std::min(next, now + kSecond / 1000);
      const timespec pause{.tv_sec = 0, .tv_nsec = std::clamp<int64_t>(next - now, 0, kSecond / 100)};
      nanosleep(&pause, nullptr);
    }
    std::erase_if(leaving, [&](const std::string& name) { return cgroups.remove(name); });
  }
}

void wait_for_line() {
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: cgroup_churn BESIDE RATE LIFE_MS PARENT_DIRECTORY…\n", stderr);
    return 2;
  }
  void* const shared =
      mmap(nullptr, kBirths * sizeof(*births), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;
  births = new (shared) std::atomic<int64_t>[kBirths];
  const Cgroups cgroups(std::vector<std::string>(argv + 4, argv + argc));
  std::vector<Job> beside;
  for (size_t i = 0; i < std::strtoul(argv[1], nullptr, 10); ++i) {
    beside.push_back(cgroups.begin("c-", i));
    while (beside.back().born() == 0) usleep(100);
  }
  std::puts("ready");
  std::fflush(stdout);
  wait_for_line();
  churn(cgroups, std::atof(argv[2]), std::atoll(argv[3]) * (kSecond / 1000));
  for (const Job& job : beside) Cgroups::kill_process(job);
  for (const Job& job : beside) {
    while (!cgroups.remove(job.name)) usleep(1000);
  }
  return 0;
}
