#include "inject/network/held_packets.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <utility>

#include "common/log.h"
#include "common/network/packet_delay.h"
#include "inject/network/queue_rule.h"

namespace sonde::inject {
namespace {

constexpr int kQueuesTried = 20;
constexpr int64_t kLongestWaitNs = 20'000'000;
/// What was on its way to the queue when the rule went has arrived there by then.
constexpr std::chrono::milliseconds kLastArrivals(5);

/// What the process has in hand.
struct Holding {
  QueueRule rule;
  std::unique_ptr<PacketDelay> packets;  ///< goes first: its queue is empty by then
};

bool is_over(int end) {
  pollfd polled{end, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

/// No packet is lost: first none is sent to the queue any more, then what waits there goes on.
void let_go(Holding& holding) {
  auto let = holding.rule.stop();
  for (int i = 0; i < 2 && let; ++i) {
    let = holding.packets->release_all();
    std::this_thread::sleep_for(kLastArrivals);
  }
  if (!let) log::warning("packets that were held may be lost", {{"error", let.error().message}});
}

}  // namespace

Result<HeldPackets> HeldPackets::make() {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(ErrorCode::kUnavailable, fmt::format("shared memory: {}", std::strerror(errno)));
  }
  return HeldPackets(new (memory) Shared());
}

HeldPackets::HeldPackets(HeldPackets&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}

HeldPackets& HeldPackets::operator=(HeldPackets&& other) noexcept {
  std::swap(shared_, other.shared_);
  return *this;
}

HeldPackets::~HeldPackets() {
  if (shared_ != nullptr) munmap(shared_, sizeof(Shared));
}

void HeldPackets::set(std::chrono::nanoseconds delay, std::chrono::nanoseconds jitter, bool normal) {
  shared_->delay_ns = delay.count();
  shared_->jitter_ns = jitter.count();
  shared_->normal = normal;
}

HeldPackets::Sum HeldPackets::sum() const {
  return {shared_->packets, std::chrono::nanoseconds(shared_->held_ns)};
}

int64_t HeldPackets::draw(const Shared& shared) {
  static std::mt19937_64 random{std::random_device{}()};
  const auto delay = static_cast<double>(shared.delay_ns);
  const auto jitter = static_cast<double>(shared.jitter_ns);
  if (jitter <= 0) return shared.delay_ns;
  const double drawn = shared.normal ? std::normal_distribution(delay, jitter)(random)
                                     : std::uniform_real_distribution(delay - jitter, delay + jitter)(random);
  return std::max<int64_t>(0, static_cast<int64_t>(drawn));
}

Keeper::Work HeldPackets::work(uint32_t interface) const {
  const auto holding = std::make_shared<Holding>();
  const auto place = [shared = shared_, holding, interface]() -> Result<void> {
    const auto count = [shared](const DelayedPacket& packet) {
      ++shared->packets;
      shared->held_ns += packet.released_ns - packet.arrived_ns;
    };
    std::random_device random;
    Result<std::unique_ptr<PacketDelay>> opened;
    uint16_t queue = 0;
    for (int i = 0; i < kQueuesTried; ++i) {  // a queue that another program has is refused
      queue = static_cast<uint16_t>(random());
      opened = PacketDelay::open(queue, [shared] { return draw(*shared); }, count);
      if (opened) break;
    }
    if (!opened) return tl::unexpected(opened.error());
    holding->packets = std::move(*opened);
    be_punctual();
    return holding->rule.place(interface, queue);
  };
  const auto keep = [holding](int end, SteadyTime lease_end) {
    while (SteadyClock::now() < lease_end && !is_over(end)) {
      if (const auto served = holding->packets->serve(kLongestWaitNs); !served) {
        log::error("packets cannot be held any more", {{"error", served.error().message}});
        break;
      }
    }
    let_go(*holding);
  };
  return {place, keep};
}

}  // namespace sonde::inject
