#include "common/network/packet_delay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

namespace sonde {
namespace {

constexpr int64_t kNsOfSecond = 1'000'000'000;
constexpr uint32_t kCopiedBytes = 128;        // headers: addresses and ports
constexpr uint32_t kMostWaiting = 1U << 18U;  // packets: 200 ms of 1.3 million a second
constexpr int kReceiveBuffer = 64 << 20;      // bytes; a full one would drop packets

int64_t clock_now_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * kNsOfSecond + time.tv_nsec;
}

tl::unexpected<Error> queue_error(const char* what) {
  return fail(errno == EPERM ? ErrorCode::kPermission : ErrorCode::kUnavailable,
              fmt::format("NFQUEUE: {}: {}", what, std::strerror(errno)));
}

/// Bytes of headers before TCP's or UDP's; none of another protocol or with IPv6 extensions.
std::optional<uint32_t> transport_offset(const unsigned char* packet, uint32_t size) {
  if (size < sizeof(ip)) return std::nullopt;
  const unsigned version = packet[0] >> 4U;
  const unsigned char protocol = version == 4 ? packet[9] : packet[6];
  if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return std::nullopt;
  return version == 4 ? (packet[0] & 15U) * 4U : sizeof(ip6_hdr);
}

/// By the IP header: the kernel copies the first bytes only. 0: a packet of more than 64 kB.
uint32_t packet_length(const unsigned char* bytes, uint32_t size) {
  if (size < sizeof(ip)) return size;
  uint16_t length = 0;
  const bool four = bytes[0] >> 4U == 4;
  std::memcpy(&length, bytes + (four ? 2 : 4), sizeof length);
  const uint32_t after = ntohs(length);
  return four || after == 0 ? after : after + static_cast<uint32_t>(sizeof(ip6_hdr));
}

void describe(DelayedPacket& packet, const unsigned char* bytes, uint32_t size) {
  packet.bytes = packet_length(bytes, size);
  const auto offset = transport_offset(bytes, size);
  if (!offset || *offset + 4 > size) return;
  uint16_t ports[2];
  std::memcpy(ports, bytes + *offset, sizeof ports);
  packet.source_port = ntohs(ports[0]);
  packet.destination_port = ntohs(ports[1]);
}

/// The kernel stamps packets while any socket wants that: this one is never closed.
void want_timestamps() {
  static const int kSocket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(kSocket, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
}

}  // namespace

PacketDelay::PacketDelay(Draw draw, OnRelease on_release)
    : draw_(std::move(draw)), on_release_(std::move(on_release)) {}

PacketDelay::~PacketDelay() {
  if (queue_ != nullptr) nfq_destroy_queue(queue_);
  if (handle_ != nullptr) nfq_close(handle_);
}

Result<std::unique_ptr<PacketDelay>> PacketDelay::open(uint16_t queue, Draw draw, OnRelease on_release) {
  std::unique_ptr<PacketDelay> delay(new PacketDelay(std::move(draw), std::move(on_release)));
  if (auto taken = delay->take_queue(queue); !taken) return tl::unexpected(taken.error());
  want_timestamps();
  return delay;
}

Result<void> PacketDelay::take_queue(uint16_t queue) {
  handle_ = nfq_open();
  if (handle_ == nullptr) return queue_error("open");
  queue_ = nfq_create_queue(handle_, queue, &PacketDelay::on_packet, this);
  if (queue_ == nullptr) return queue_error("the queue (has another program taken it?)");
  if (nfq_set_mode(queue_, NFQNL_COPY_PACKET, kCopiedBytes) < 0) return queue_error("copy mode");
  if (nfq_set_queue_maxlen(queue_, kMostWaiting) < 0) return queue_error("length of the queue");
  if (nfq_set_queue_flags(queue_, NFQA_CFG_F_GSO, NFQA_CFG_F_GSO) < 0) return queue_error("GSO flag");
  setsockopt(nfq_fd(handle_), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
  fcntl(nfq_fd(handle_), F_SETFL, O_NONBLOCK);
  fcntl(nfq_fd(handle_), F_SETFD, FD_CLOEXEC);
  return {};
}

int PacketDelay::descriptor() const {
  return nfq_fd(handle_);
}

int PacketDelay::on_packet(nfq_q_handle* /*queue*/, nfgenmsg* /*message*/, nfq_data* data, void* self) {
  static_cast<PacketDelay*>(self)->hold(data);
  return 0;
}

void PacketDelay::hold(nfq_data* data) {
  // The kernel stamps with the time of day: its age is taken from that, the time itself from the steady
  // clock.
  int64_t age_ns = 0;
  if (timeval stamp{}; nfq_get_timestamp(data, &stamp) == 0) {
    age_ns = clock_now_ns(CLOCK_REALTIME) - (stamp.tv_sec * kNsOfSecond + stamp.tv_usec * 1000);
  }
  Waiting one;
  one.id = ntohl(nfq_get_msg_packet_hdr(data)->packet_id);
  one.number = arrivals_++;
  one.packet.arrived_ns = clock_now_ns(CLOCK_MONOTONIC) - age_ns;
  one.due_ns = one.packet.arrived_ns + draw_();
  unsigned char* bytes = nullptr;
  if (const int size = nfq_get_payload(data, &bytes); size > 0) {
    describe(one.packet, bytes, static_cast<uint32_t>(size));
  }
  waiting_.push(one);
}

void PacketDelay::wait(int64_t most_ns) const {
  const int64_t until_due =
      waiting_.empty() ? most_ns : waiting_.top().due_ns - clock_now_ns(CLOCK_MONOTONIC);
  const int64_t timeout_ns = std::min(most_ns, std::max<int64_t>(0, until_due));
  const timespec timeout{.tv_sec = timeout_ns / kNsOfSecond, .tv_nsec = timeout_ns % kNsOfSecond};
  pollfd ready{.fd = nfq_fd(handle_), .events = POLLIN, .revents = 0};
  ppoll(&ready, 1, &timeout, nullptr);
}

Result<void> PacketDelay::serve(int64_t most_ns) {
  wait(most_ns);
  if (auto received = receive(); !received) return received;
  return release(clock_now_ns(CLOCK_MONOTONIC));
}

Result<void> PacketDelay::release_all() {
  if (auto received = receive(); !received) return received;
  return release(INT64_MAX);
}

Result<void> PacketDelay::receive() {
  alignas(nlmsghdr) static char buffer[1 << 16];
  for (;;) {
    const ssize_t size = recv(nfq_fd(handle_), buffer, sizeof buffer, 0);
    // ENOBUFS: the kernel counts what it dropped.
    if (size < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) return {};
    if (size < 0) return queue_error("recv");
    nfq_handle_packet(handle_, buffer, static_cast<int>(size));
    // Between two packets, one may be due.
    if (auto released = release(clock_now_ns(CLOCK_MONOTONIC)); !released) return released;
  }
}

Result<void> PacketDelay::release(int64_t now_ns) {
  while (!waiting_.empty() && waiting_.top().due_ns <= now_ns) {
    Waiting one = waiting_.top();
    one.packet.released_ns = clock_now_ns(CLOCK_MONOTONIC);
    if (nfq_set_verdict(queue_, one.id, NF_ACCEPT, 0, nullptr) < 0) return queue_error("verdict");
    waiting_.pop();
    if (on_release_) on_release_(one.packet);
  }
  return {};
}

bool be_punctual() {
  prctl(PR_SET_TIMERSLACK, 1);
  const sched_param priority{.sched_priority = 50};
  return sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
}

}  // namespace sonde
