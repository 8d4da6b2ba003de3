#include "tests/bpf/support/lossy_tcp.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace sonde::test {
namespace {

void require(bool worked, const char* what) {
  if (worked) return;
  std::perror(what);
  std::abort();
}

void set_loopback_address(const char* text) {
  const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, text, &address.sin_addr);
  std::memcpy(&loopback.ifr_addr, &address, sizeof address);
  require(::ioctl(control, SIOCSIFADDR, &loopback) == 0, "address");
  ::close(control);
}

/// A namespace whose loopback cuts like Ethernet, so that large writes become buffers of many segments.
void enter_own_namespace() {
  static bool entered = false;
  if (std::exchange(entered, true)) return;
  require(::unshare(CLONE_NEWNET) == 0, "unshare");
  const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_mtu = 1500;
  require(::ioctl(control, SIOCSIFMTU, &loopback) == 0, "mtu");
  loopback.ifr_flags = IFF_UP;
  require(::ioctl(control, SIOCSIFFLAGS, &loopback) == 0, "up");
  ::close(control);
}

/// Drops one packet in `share`: the filter's verdict is how many bytes to keep.
void drop_some(int receiver, uint32_t share) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_RANDOM)),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, share),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  const sock_fprog filter{.len = sizeof program / sizeof program[0], .filter = program};
  require(::setsockopt(receiver, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "filter");
}

struct Connection {
  int sender;
  int receiver;
};

Connection connect_to_itself() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(::listen(listener, 1) == 0, "listen");
  require(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  const int sender = ::socket(AF_INET, SOCK_STREAM, 0);
  require(::connect(sender, reinterpret_cast<sockaddr*>(&address), size) == 0, "connect");
  const int receiver = ::accept(listener, nullptr, nullptr);
  require(receiver >= 0, "accept");
  ::close(listener);
  return {sender, receiver};
}

void send_all(int sender, uint64_t bytes) {
  const std::vector<char> piece(65536);
  while (bytes > 0) {
    const ssize_t sent = ::write(sender, piece.data(), std::min<uint64_t>(bytes, piece.size()));
    require(sent > 0, "write");
    bytes -= static_cast<uint64_t>(sent);
  }
}

void receive_all(int receiver, uint64_t bytes) {
  std::vector<char> piece(65536);
  while (bytes > 0) {
    const ssize_t got = ::read(receiver, piece.data(), std::min<uint64_t>(bytes, piece.size()));
    require(got > 0, "read");
    bytes -= static_cast<uint64_t>(got);
  }
}

/// With a reset rather than a goodbye nothing is left that could still be sent again.
void reset(const Connection& connection) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection.sender, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(connection.sender);
  ::close(connection.receiver);
}

}  // namespace

void send_over_a_lossy_link(uint64_t count) {
  enter_own_namespace();
  if (count == 0) return;
  constexpr uint64_t kMegabyte = 1 << 20;
  const Connection connection = connect_to_itself();
  drop_some(connection.receiver, 10);
  std::thread reader(receive_all, connection.receiver, count * kMegabyte);
  send_all(connection.sender, count * kMegabyte);
  reader.join();
  reset(connection);
}

void send_while_the_route_is_away(uint64_t count) {
  enter_own_namespace();
  for (uint64_t i = 0; i < count; ++i) {
    const Connection connection = connect_to_itself();
    drop_some(connection.receiver, 1);
    send_all(connection.sender, 1000);
    set_loopback_address("10.9.8.7");
    // TCP tries again after 200 and 600 ms, and then, with the route, after 1.4 s.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    set_loopback_address("127.0.0.1");
    std::this_thread::sleep_for(std::chrono::seconds(1));
    reset(connection);
  }
}

}  // namespace sonde::test
