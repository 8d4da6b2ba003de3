#include "tests/inject/victim.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <new>
#include <sstream>

#include "tests/inject/running_injector.h"

namespace sonde::inject {

struct Victim::Shared {
  Figures figures;
  std::atomic<bool> child_wanted{false};
};

namespace {

void try_to_open(Victim::Figures& figures) {
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  figures.open_error = file < 0 ? errno : 0;
  if (file >= 0) close(file);
}

/// Forks; a child that is not to stay ends at once.
void try_to_fork(Victim::Figures& figures, bool stays) {
  const pid_t self = getpid();
  const pid_t child = fork();
  figures.fork_error = child < 0 ? errno : 0;
  if (child == 0 && stays) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == self) usleep(10'000);
  }
  if (child == 0) _exit(0);
  if (child > 0 && stays) figures.child = child;
  if (child > 0 && !stays) waitpid(child, nullptr, 0);
}

}  // namespace

Victim::Victim(const TestCgroup& cgroup, uid_t user) : cgroup_(cgroup) {
  void* page = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  shared_ = new (page) Shared;
  figures_ = &shared_->figures;
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_NAME, "victim");
    for (const auto& folder : cgroup.folders())
      std::ofstream(folder.path / "cgroup.procs") << "0" << std::flush;
    if (user != 0 && (setgid(user) != 0 || setuid(user) != 0)) _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) {
      try_to_open(*figures_);
      try_to_fork(*figures_, shared_->child_wanted && figures_->child == 0);
      figures_->rounds += 1;
      usleep(10'000);
    }
    _exit(0);
  }
  EXPECT_TRUE(is_alive());
}

Victim::~Victim() {
  (void)cgroup_.write("freezer.state", "THAWED");
  (void)cgroup_.write("cgroup.freeze", "0");
  if (const pid_t child = figures_->child; child != 0) kill(child, SIGKILL);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  munmap(shared_, sizeof(Shared));
}

pid_t Victim::start_child() const {
  shared_->child_wanted = true;
  EXPECT_TRUE(eventually([&] { return figures_->child != 0; }));
  return figures_->child;
}

bool Victim::is_alive() const {
  const uint64_t before = figures_->rounds;
  return eventually([&] { return figures_->rounds > before + 1; }, std::chrono::seconds(5));
}

uint64_t Victim::file_limit(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/limits");
  for (std::string line; std::getline(file, line);) {
    uint64_t soft = 0;
    if (line.starts_with("Max open files") && std::istringstream(line.substr(14)) >> soft) return soft;
  }
  return 0;
}

}  // namespace sonde::inject
