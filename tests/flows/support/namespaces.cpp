#include "tests/flows/support/namespaces.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sonde::test {
namespace {

void require(bool worked, const std::string& what) {
  if (!worked) throw std::runtime_error(fmt::format("{}: {}", what, strerrordesc_np(errno)));
}

uint64_t inode_of(const std::string& path) {
  struct stat status{};
  require(::stat(path.c_str(), &status) == 0, path);
  return status.st_ino;
}

}  // namespace

void enter_new_namespace() {
  require(::unshare(CLONE_NEWNET) == 0, "unshare");
  run("ip link set lo up");
}

void run(const std::string& command) {
  (void)output_of(command);
}

std::string output_of(const std::string& command) {
  std::FILE* const pipe = ::popen(("(" + command + "\n) 2>&1").c_str(), "re");
  require(pipe != nullptr, command);
  std::string text;
  std::array<char, 4096> piece{};
  while (const size_t length = std::fread(piece.data(), 1, piece.size(), pipe))
    text.append(piece.data(), length);
  const int status = ::pclose(pipe);
  if (status != 0) throw std::runtime_error(command + ": " + text);
  return text;
}

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

Pod::Pod() {
  int ready[2];
  require(::pipe2(ready, O_CLOEXEC) == 0, "pipe");
  process_ = ::fork();
  require(process_ >= 0, "fork");
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char done = ::unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
    if (::write(ready[1], &done, 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  ::close(ready[1]);
  char done = 'n';
  const bool told = ::read(ready[0], &done, 1) == 1;
  ::close(ready[0]);
  require(told && done == 'y', "unshare");
  inode_ = inode_of(fmt::format("/proc/{}/ns/net", process_));
}

Pod::Pod(Pod&& other) noexcept : process_(std::exchange(other.process_, 0)), inode_(other.inode_) {}

Pod::~Pod() {
  end();
}

void Pod::end() {
  if (process_ == 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

void Pod::connect(const std::string& host_end, int number) const {
  run(
      fmt::format("ip link add {} type veth peer name eth0 netns {} && ip addr add 10.0.{}.1/24 dev {} && "
                  "ip link set {} up && nsenter --net=/proc/{}/ns/net sh -c "
                  "'ip link set lo up && ip addr add 10.0.{}.2/24 dev eth0 && ip link set eth0 up'",
                  host_end, process_, number, host_end, host_end, process_, number));
}

void Pod::inside(const std::function<void()>& work) const {
  std::thread([&] {
    const int name_space = ::open(fmt::format("/proc/{}/ns/net", process_).c_str(), O_RDONLY | O_CLOEXEC);
    require(::setns(name_space, CLONE_NEWNET) == 0, "setns");
    ::close(name_space);
    work();
  }).join();
}

void send_datagrams(const std::string& address, int count) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(9999);
  ::inet_pton(AF_INET, address.c_str(), &target.sin_addr);
  for (int i = 0; i < count; ++i) {
    require(::sendto(socket, "x", 1, 0, reinterpret_cast<const sockaddr*>(&target), sizeof(target)) == 1,
            "send");
  }
  ::close(socket);
}

}  // namespace sonde::test
