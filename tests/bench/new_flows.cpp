// Makes TCP connections at a fixed rate from many addresses, for tests/bench/new_flows.py.
//
// usage: new_flows serve PORT
//        new_flows connect ADDRESS PORT RATE SECONDS NETWORK
//
// connect: each connection comes from another address of NETWORK/16 (which must be local: ip route add local
// … dev lo), sends 100 bytes and ends with a reset. Prints how many there were and how long that took, in
// seconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

void require(bool worked, const char* what) {
  if (worked) return;
  std::perror(what);
  std::exit(1);
}

sockaddr_in address_of(const char* text, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  require(::inet_pton(AF_INET, text, &address.sin_addr) == 1, "address");
  return address;
}

void serve(uint16_t port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in any = address_of("0.0.0.0", port);
  require(::bind(listener, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0, "bind");
  require(::listen(listener, 4096) == 0, "listen");
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    const int connection = ::accept(listener, nullptr, nullptr);
    if (connection >= 0) ::close(connection);
  }
}

/// Returns whether the connection came about.
bool connect_once(const sockaddr_in& source, const sockaddr_in& server) {
  static const char request[100] = {};
  const int on = 1;
  const linger reset{.l_onoff = 1, .l_linger = 0};
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  require(connection >= 0, "socket");
  ::setsockopt(connection, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  require(::bind(connection, reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0, "bind");
  const bool connected =
      ::connect(connection, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0;
  const bool sent = connected && ::send(connection, request, sizeof request, MSG_NOSIGNAL) == sizeof request;
  ::close(connection);
  return sent;
}

void connect(const sockaddr_in& server, double rate, double seconds, sockaddr_in source) {
  const uint32_t network = ntohl(source.sin_addr.s_addr) & 0xffff0000;
  const auto start = Clock::now();
  const auto total = static_cast<uint64_t>(rate * seconds);
  uint64_t made = 0;
  for (uint64_t number = 0; number < total; ++number) {
    const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(number) / rate));
    // In bursts of what became due while this slept a millisecond.
    if (due > Clock::now()) std::this_thread::sleep_until(due + std::chrono::milliseconds(1));
    // Every address but the network's own and the broadcast's, far apart from one to the next.
    source.sin_addr.s_addr = htonl(network | (1 + static_cast<uint32_t>(number * 40503 % 65534)));
    made += connect_once(source, server) ? 1 : 0;
  }
  const std::chrono::duration<double> took = Clock::now() - start;
  std::printf("%llu %f\n", static_cast<unsigned long long>(made), took.count());
}

uint16_t port_of(const char* text) {
  return static_cast<uint16_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count == 3 && std::string(arguments[1]) == "serve") {
    serve(port_of(arguments[2]));
  } else if (argument_count == 7 && std::string(arguments[1]) == "connect") {
    connect(address_of(arguments[2], port_of(arguments[3])), std::strtod(arguments[4], nullptr),
            std::strtod(arguments[5], nullptr), address_of(arguments[6], 0));
  } else {
    std::fputs("usage: new_flows serve PORT | connect ADDRESS PORT RATE SECONDS NETWORK\n", stderr);
    return 2;
  }
}
