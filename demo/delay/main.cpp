// Delays the packets that an iptables rule sends to a queue (-j NFQUEUE --queue-num N) by a fixed time, in
// the network namespace that it is started in, and writes down what each packet was really delayed by.
//
// usage: sonde-demo-delay QUEUE MICROSECONDS LOG
//
// The delay begins when the kernel received the packet (its own timestamp, so that the time until this
// program runs is part of it), and ends when the verdict is given: the packet goes on within that call. Large
// packets stay whole (GSO). Prints "ready" once packets are held, ends at SIGTERM, which releases what waits.
// LOG: a Record for each packet.
#include <arpa/inet.h>
#include <fcntl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <string_view>

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFlushEvery = kSecond / 10;
constexpr uint32_t kCopiedBytes = 128;        // headers: addresses and ports
constexpr uint32_t kMostWaiting = 1U << 18U;  // packets: 200 ms of 1.3 million a second
constexpr int kReceiveBuffer = 64 << 20;      // bytes; a full one would drop packets

/// One packet, as tests/flows/delay.py reads it. Times: CLOCK_MONOTONIC.
struct Record {
  int64_t arrived_ns{};
  int64_t released_ns{};
  uint32_t bytes{};  ///< of the IP packet, as many segments as it holds
  uint16_t source_port{};
  uint16_t destination_port{};
};
static_assert(sizeof(Record) == 24);

struct Waiting {
  uint32_t id{};
  int64_t due_ns{};
  Record record{};
};

volatile sig_atomic_t ended = 0;

void fail(const char* what) {
  std::fprintf(stderr, "sonde-demo-delay: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int64_t now_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

/// Bytes of headers before TCP's or UDP's; none of another protocol or with IPv6 extensions.
std::optional<uint32_t> transport_offset(const unsigned char* packet, uint32_t size) {
  if (size < sizeof(ip)) return std::nullopt;
  const unsigned version = packet[0] >> 4U;
  const unsigned char protocol = version == 4 ? packet[9] : packet[6];
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return std::nullopt;
  return version == 4 ? (packet[0] & 15U) * 4U : sizeof(ip6_hdr);
}

/// Fills in length and ports. Large packets of IPv6 give no length of their own: `whole` is what the kernel
/// says.
void describe(Record& record, const unsigned char* packet, uint32_t size, uint32_t whole) {
  record.bytes = whole;
  const auto offset = transport_offset(packet, size);
  if (!offset || *offset + 4 > size) return;
  uint16_t ports[2];
  std::memcpy(ports, packet + *offset, sizeof ports);
  record.source_port = ntohs(ports[0]);
  record.destination_port = ntohs(ports[1]);
}

class Delay {
 public:
  Delay(uint16_t queue, int64_t delay_ns, std::FILE* log) : delay_ns_(delay_ns), log_(log) {
    handle_ = ::nfq_open();
    if (handle_ == nullptr) fail("nfq_open");
    queue_ = ::nfq_create_queue(handle_, queue, &Delay::on_packet, this);
    if (queue_ == nullptr) fail("the queue (has another program taken it?)");
    if (::nfq_set_mode(queue_, NFQNL_COPY_PACKET, kCopiedBytes) < 0) fail("copy mode");
    if (::nfq_set_queue_maxlen(queue_, kMostWaiting) < 0) fail("length of the queue");
    if (::nfq_set_queue_flags(queue_, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0) fail("GSO flag");
    ::setsockopt(::nfq_fd(handle_), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
    ::fcntl(::nfq_fd(handle_), F_SETFL, O_NONBLOCK);
  }

  void run() {
    while (!ended) {
      wait();
      receive();
      release(now_ns(CLOCK_MONOTONIC));
      flush();
    }
    release(INT64_MAX);
    std::fclose(log_);
    ::nfq_close(handle_);
  }

 private:
  static int on_packet(nfq_q_handle*, nfgenmsg*, nfq_data* data, void* self) {
    static_cast<Delay*>(self)->hold(data);
    return 0;
  }

  void hold(nfq_data* data) {
    // The kernel stamps with the time of day: its age is taken from that, the time itself from the steady
    // clock.
    int64_t age = 0;
    if (timeval stamp{}; ::nfq_get_timestamp(data, &stamp) == 0) {
      age = now_ns(CLOCK_REALTIME) - (stamp.tv_sec * kSecond + stamp.tv_usec * 1000);
    }
    Waiting packet;
    packet.id = ntohl(::nfq_get_msg_packet_hdr(data)->packet_id);
    packet.record.arrived_ns = now_ns(CLOCK_MONOTONIC) - age;
    packet.due_ns = packet.record.arrived_ns + delay_ns_;
    unsigned char* bytes = nullptr;
    if (const int size = ::nfq_get_payload(data, &bytes); size > 0) {
      const uint32_t given = static_cast<uint32_t>(size);
      describe(packet.record, bytes, given, packet_length(bytes, given));
    }
    waiting_.push_back(packet);
  }

  /// By the IP header: the kernel copies the first bytes only. 0: a packet of more than 64 kB.
  static uint32_t packet_length(const unsigned char* bytes, uint32_t size) {
    if (size < sizeof(ip)) return size;
    uint16_t length;
    const bool four = bytes[0] >> 4U == 4;
    std::memcpy(&length, bytes + (four ? 2 : 4), sizeof length);
    const uint32_t after = ntohs(length);
    return four || after == 0 ? after : after + static_cast<uint32_t>(sizeof(ip6_hdr));
  }

  void wait() {
    const int64_t until_due =
        waiting_.empty() ? kFlushEvery : waiting_.front().due_ns - now_ns(CLOCK_MONOTONIC);
    const int64_t timeout_ns = std::min(kFlushEvery, std::max<int64_t>(0, until_due));
    const timespec timeout{.tv_sec = 0, .tv_nsec = timeout_ns};
    pollfd ready{.fd = ::nfq_fd(handle_), .events = POLLIN, .revents = 0};
    ::ppoll(&ready, 1, &timeout, nullptr);
  }

  /// Takes what is there; between two packets it looks whether one is due.
  void receive() {
    alignas(nlmsghdr) static char buffer[1 << 16];
    for (;;) {
      const ssize_t size = ::recv(::nfq_fd(handle_), buffer, sizeof buffer, 0);
      if (size < 0 && errno == EAGAIN) return;
      if (size < 0 && (errno == EINTR || errno == ENOBUFS)) return;  // the kernel counts what it dropped
      if (size < 0) fail("recv");
      ::nfq_handle_packet(handle_, buffer, static_cast<int>(size));
      release(now_ns(CLOCK_MONOTONIC));
    }
  }

  void release(int64_t now) {
    while (!waiting_.empty() && waiting_.front().due_ns <= now) {
      Waiting& packet = waiting_.front();
      packet.record.released_ns = now_ns(CLOCK_MONOTONIC);
      if (::nfq_set_verdict(queue_, packet.id, NF_ACCEPT, 0, nullptr) < 0) fail("verdict");
      std::fwrite(&packet.record, sizeof packet.record, 1, log_);
      waiting_.pop_front();
    }
  }

  void flush() {
    const int64_t now = now_ns(CLOCK_MONOTONIC);
    if (now - flushed_ns_ < kFlushEvery) return;
    std::fflush(log_);
    flushed_ns_ = now;
  }

  int64_t delay_ns_;
  std::FILE* log_;
  nfq_handle* handle_ = nullptr;
  nfq_q_handle* queue_ = nullptr;
  std::deque<Waiting> waiting_;  ///< oldest first: all wait equally long
  int64_t flushed_ns_ = 0;
};

/// The kernel stamps packets while any socket wants that.
void want_timestamps() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) != 0) fail("SO_TIMESTAMP");
}

/// Ahead of everything else that runs, and woken at the nanosecond: a late verdict is a longer delay.
void be_punctual() {
  const sched_param priority{.sched_priority = 50};
  if (::sched_setscheduler(0, SCHED_FIFO, &priority) != 0) {
    std::fprintf(stderr, "sonde-demo-delay: no real-time priority (%s): delays vary more\n",
                 std::strerror(errno));
  }
  ::prctl(PR_SET_TIMERSLACK, 1);
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

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 4) {
    std::fputs("usage: sonde-demo-delay QUEUE MICROSECONDS LOG\n", stderr);
    return 2;
  }
  const auto queue = parse<uint16_t>(arguments[1]);
  const auto delay_us = parse<int64_t>(arguments[2]);
  std::FILE* log = std::fopen(arguments[3], "wb");
  if (log == nullptr) fail(arguments[3]);
  struct sigaction end{};
  end.sa_handler = [](int) { ended = 1; };
  ::sigaction(SIGTERM, &end, nullptr);
  ::sigaction(SIGINT, &end, nullptr);
  want_timestamps();
  Delay delay(queue, delay_us * 1000, log);
  be_punctual();
  std::puts("ready");
  std::fflush(stdout);
  delay.run();
}
