// Delays the packets that an iptables rule sends to a queue (-j NFQUEUE --queue-num N) by a fixed time, in
// the network namespace that it is started in, and writes down what each packet was really delayed by.
//
// usage: sonde-demo-delay QUEUE MICROSECONDS LOG
//
// The delay begins when the kernel received the packet (its own timestamp, so that the time until this
// program runs is part of it), and ends when the verdict is given: the packet goes on within that call. Large
// packets stay whole (GSO). Prints "ready" once packets are held, ends at SIGTERM, which releases what waits.
// LOG: a Record for each packet.
#include <signal.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/clock.h"
#include "common/network/packet_delay.h"

namespace {

constexpr std::chrono::milliseconds kFlushEvery{100};

/// One packet, as tests/flows/delay.py reads it. Times: CLOCK_MONOTONIC.
struct Record {
  int64_t arrived_ns{};
  int64_t released_ns{};
  uint32_t bytes{};  ///< of the IP packet, as many segments as it holds
  uint16_t source_port{};
  uint16_t destination_port{};
};
static_assert(sizeof(Record) == 24);

volatile sig_atomic_t ended = 0;

[[noreturn]] void fail(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "sonde-demo-delay: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

template <typename Number>
Number parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    std::fprintf(stderr, "sonde-demo-delay: '%.*s' is not a number\n", static_cast<int>(text.size()),
                 text.data());
    std::exit(2);
  }
  return number;
}

void run(sonde::PacketDelay& delay, std::FILE* log) {
  sonde::SteadyTime flushed = sonde::SteadyClock::now();
  while (!ended) {
    if (const auto served = delay.serve(std::chrono::nanoseconds(kFlushEvery).count()); !served) {
      fail("queue", served.error().message);
    }
    if (sonde::SteadyClock::now() - flushed < kFlushEvery) continue;
    std::fflush(log);
    flushed = sonde::SteadyClock::now();
  }
  if (const auto released = delay.release_all(); !released) fail("queue", released.error().message);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) {
    std::fputs("usage: sonde-demo-delay QUEUE MICROSECONDS LOG\n", stderr);
    return 2;
  }
  const auto queue = parse<uint16_t>(arguments[1]);
  const auto delay_ns = parse<int64_t>(arguments[2]) * 1000;
  std::FILE* log = std::fopen(arguments[3], "wb");
  if (log == nullptr) fail(arguments[3], std::strerror(errno));
  struct sigaction end{};
  end.sa_handler = [](int) { ended = 1; };
  sigaction(SIGTERM, &end, nullptr);
  sigaction(SIGINT, &end, nullptr);
  const auto write_down = [log](const sonde::DelayedPacket& packet) {
    const Record record{packet.arrived_ns, packet.released_ns, packet.bytes, packet.source_port,
                        packet.destination_port};
    std::fwrite(&record, sizeof record, 1, log);
  };
  auto delay = sonde::PacketDelay::open(queue, [delay_ns] { return delay_ns; }, write_down);
  if (!delay) fail("start", delay.error().message);
  if (!sonde::be_punctual()) {
    std::fputs("sonde-demo-delay: no real-time priority: delays vary more\n", stderr);
  }
  std::puts("ready");
  std::fflush(stdout);
  run(**delay, log);
  std::fclose(log);
}
