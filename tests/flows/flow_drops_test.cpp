// Whose drops are counted by pair, and that a pod with many remotes leaves room for others.
#include "exporter/flows/flow_drops.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <vector>

#include "bpf/errors.h"
#include "exporter/bpf_program.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::exporter {
namespace {

using test::Probe;
using test::TestCgroup;
using test::Worker;

constexpr uint16_t kNobody = 9;  // a port that nobody listens on
constexpr std::chrono::minutes kMinutes{6};

void require(bool worked, const char* what) {
  if (worked) return;
  std::perror(what);
  std::abort();
}

sockaddr_in place(uint32_t address, uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(address);
  at.sin_port = htons(port);
  return at;
}

/// A network namespace all of whose packets to 10.N.0.0/16 stay in it; N is from 1 on.
void enter_namespace(uint32_t network) {
  static bool entered = false;
  if (std::exchange(entered, true)) return;
  require(::unshare(CLONE_NEWNET) == 0, "unshare");
  const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{.ifr_ifrn = {"lo"}, .ifr_ifru = {}};
  const auto set = [&](unsigned long request, uint32_t address) {
    const sockaddr_in at = place(address, 0);
    std::memcpy(&loopback.ifr_addr, &at, sizeof at);
    require(::ioctl(control, request, &loopback) == 0, "address");
  };
  set(SIOCSIFADDR, 10U << 24U | network << 16U | 1);
  set(SIOCSIFNETMASK, 0xffff0000);
  loopback.ifr_flags = IFF_UP;
  require(::ioctl(control, SIOCSIFFLAGS, &loopback) == 0, "up");
  ::close(control);
}

/// Sends a datagram that the kernel drops, from 10.N.0.1 to each of the `count` addresses from 10.N.1.0 on.
test::Task scan(uint32_t network) {
  return [network](uint64_t count) {
    enter_namespace(network);
    const uint32_t base = 10U << 24U | network << 16U;
    const int sender = ::socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in own = place(base | 1, 0);
    require(::bind(sender, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0, "bind");
    for (uint32_t i = 0; i < count; ++i) {
      const sockaddr_in to = place(base + 256 + i, kNobody);
      const ssize_t sent = ::sendto(sender, "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
      require(sent == 1, "sendto");
    }
    ::close(sender);
  };
}

/// Both ends of a TCP connection from 10.N.0.1 to 10.N.1.0.
struct Ends {
  explicit Ends(uint32_t network) {
    const uint32_t base = 10U << 24U | network << 16U;
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at = place(base | 256, 0);
    socklen_t size = sizeof at;
    require(::bind(listener, reinterpret_cast<const sockaddr*>(&at), size) == 0, "bind");
    require(::listen(listener, 1) == 0, "listen");
    require(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) == 0, "getsockname");
    const sockaddr_in own = place(base | 1, 0);
    require(::bind(client, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0, "bind");
    require(::connect(client, reinterpret_cast<const sockaddr*>(&at), size) == 0, "connect");
    server = ::accept(listener, nullptr, nullptr);
    require(server >= 0, "accept");
    ::close(listener);
  }

  int client = ::socket(AF_INET, SOCK_STREAM, 0);
  int server = -1;
};

template <class Value>
void set_option(int socket, int level, int option, const Value& value) {
  require(::setsockopt(socket, level, option, &value, sizeof value) == 0, "setsockopt");
}

/// `count` connections that lose nothing: each is probed while it is idle, and closed by a FIN from both ends
/// or by a RST.
test::Task converse(uint32_t network) {
  return [network](uint64_t count) {
    enter_namespace(network);
    std::vector<Ends> all;
    for (uint64_t i = 0; i < count; ++i) {
      const Ends& ends = all.emplace_back(network);
      set_option(ends.client, IPPROTO_TCP, TCP_KEEPIDLE, 1);
      set_option(ends.client, SOL_SOCKET, SO_KEEPALIVE, 1);
      require(::write(ends.client, "x", 1) == 1, "write");
    }
    if (count > 0) ::sleep(2);  // the least time after which the kernel probes is a second
    for (uint64_t i = 0; i < count; ++i) {
      if (i % 2 == 0) set_option(all[i].client, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
      char byte;
      require(::read(all[i].server, &byte, 1) == 1, "read");
      ::close(all[i].client);
      ::close(all[i].server);
    }
  };
}

/// A pod with the address 10.N.0.1 and the interface N.
class Pod {
 public:
  using MakeTask = test::Task(uint32_t network);

  explicit Pod(uint32_t network, MakeTask* does = scan)
      : network_(network), cgroup_("pod-" + std::to_string(network)), worker_(cgroup_, does(network)) {
    worker_.run(0);  // moves it into its namespace
  }

  /// Does its task for so many remotes or connections.
  void runs(uint64_t count) { worker_.run(count); }
  uint64_t network_namespace() const {
    struct stat status{};
    require(::stat(("/proc/" + std::to_string(worker_.process()) + "/ns/net").c_str(), &status) == 0, "stat");
    return status.st_ino;
  }
  FlowInterface interface() const {
    return {.space = 0, .index = network_, .network_namespace = network_namespace()};
  }
  ContainerAddresses addresses() const {
    return {network_namespace(), {*parse_address("10." + std::to_string(network_) + ".0.1")}};
  }

 private:
  uint32_t network_;
  TestCgroup cgroup_;
  Worker worker_;
};

class FlowDropsTest : public testing::Test {
 protected:
  FlowDropsTest() { (void)probe_.scrape({}); }

  void know(std::initializer_list<const Pod*> pods) {
    std::vector<FlowInterface> interfaces;
    std::vector<ContainerAddresses> addresses;
    for (const Pod* pod : pods) {
      interfaces.push_back(pod->interface());
      addresses.push_back(pod->addresses());
    }
    until_now_ = drops_.update(interfaces, addresses, SteadyClock::now());
  }

  /// Packets that a pod has sent and the kernel dropped since the last call, and of how many pairs.
  std::pair<uint64_t, size_t> sent(uint32_t interface, SteadyClock::duration later = {}) {
    std::pair<uint64_t, size_t> sum;
    std::vector<FlowDrops::Delta> deltas = std::exchange(until_now_, {});
    std::ranges::copy(drops_.drain(SteadyClock::now() + later), std::back_inserter(deltas));
    for (const FlowDrops::Delta& delta : deltas) {
      if (delta.key.interface != interface) continue;
      sum.first += delta.drops.sent;
      sum.second += delta.drops.sent > 0 ? 1 : 0;
    }
    return sum;
  }

  /// Drops that were in no pair.
  uint64_t lost() {
    uint64_t count = 0;
    probe_.context().for_each_object(
        [&](const BpfObject& object) { count += object.errors().at(SONDE_ERROR_PAIRS_FULL); });
    return count;
  }

  Probe probe_{make_packet_drops_collector};
  FlowDrops drops_{probe_.context()};
  std::vector<FlowDrops::Delta> until_now_;  ///< what the last know() returned
};

using Sum = std::pair<uint64_t, size_t>;

TEST_F(FlowDropsTest, AreCountedForThePairOfAPodAndItsRemote) {
  Pod pod(7);
  know({&pod});
  pod.runs(23);
  EXPECT_EQ(sent(7), Sum(23, 23));
  pod.runs(23);
  pod.runs(5);
  EXPECT_EQ(sent(7), Sum(28, 23));
  EXPECT_EQ(sent(7), Sum(0, 0));
}

TEST_F(FlowDropsTest, AreNotWhatConnectionsThatLoseNothingAreDoneWith) {
  Pod pod(7, converse);
  know({&pod});
  pod.runs(6);
  EXPECT_EQ(sent(7), Sum(0, 0));
  for (const auto& [key, dropped] : drops_.connections()) {
    ADD_FAILURE() << dropped.packets << " " << dropped.reason;
  }
}

TEST_F(FlowDropsTest, OfWhoIsNoPodTakeNoPlaceAndAreNotLost) {
  Pod nobody(8);
  Pod pod(7);
  know({&pod});
  nobody.runs(6000);
  EXPECT_EQ(lost(), 0U);
  pod.runs(23);
  EXPECT_EQ(sent(7), Sum(23, 23));
}

TEST_F(FlowDropsTest, APodThatScansLeavesRoomForOthers) {
  Pod scanner(8);
  Pod pod(7);
  know({&scanner, &pod});
  scanner.runs(6000);
  EXPECT_EQ(lost(), 6000U - SONDE_DROPPED_PAIRS / 2) << "it has half of the places, and the rest is told";
  pod.runs(500);
  EXPECT_EQ(sent(7), Sum(500, 500));
}

TEST_F(FlowDropsTest, PlacesOfPairsThatRestAreGivenBack) {
  Pod scanner(8);
  know({&scanner});
  scanner.runs(6000);
  EXPECT_EQ(sent(8).second, size_t{SONDE_DROPPED_PAIRS / 2});
  (void)sent(8, std::chrono::seconds(31));  // sooner than usual, as half of the places are taken
  const uint64_t before = lost();
  scanner.runs(1000);
  EXPECT_EQ(lost(), before);
  EXPECT_EQ(sent(8, kMinutes), Sum(1000, 1000));
}

TEST_F(FlowDropsTest, APodThatIsGoneIsCountedNoMoreButHasItsLastOnes) {
  Pod pod(7);
  know({&pod});
  pod.runs(23);
  know({});
  EXPECT_EQ(sent(7), Sum(23, 23));
  pod.runs(23);
  know({&pod});
  EXPECT_EQ(sent(7), Sum(0, 0));
}

}  // namespace
}  // namespace sonde::exporter
