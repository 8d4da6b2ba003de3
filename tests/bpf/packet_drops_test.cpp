#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "exporter/drop_reasons.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {
namespace {

constexpr const char* kDrops = "sonde_packet_drops_total";
constexpr uint16_t kNobody = 9;     // a port that nobody listens on
constexpr uint16_t kPicky = 10023;  // one whose socket takes nothing

void require(bool worked, const char* what) {
  if (worked) return;
  std::perror(what);
  std::abort();
}

void enter_namespace_with_loopback() {
  static bool entered = false;
  if (std::exchange(entered, true)) return;
  require(::unshare(CLONE_NEWNET) == 0, "unshare");
  const int control = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq loopback{.ifr_ifrn = {"lo"}, .ifr_ifru = {}};
  loopback.ifr_flags = IFF_UP;
  require(::ioctl(control, SIOCSIFFLAGS, &loopback) == 0, "up");
  ::close(control);
}

sockaddr_in loopback_port(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void send_datagrams(uint16_t port, uint64_t count) {
  const sockaddr_in address = loopback_port(port);
  const int sender = ::socket(AF_INET, SOCK_DGRAM, 0);
  for (uint64_t i = 0; i < count; ++i) {
    const ssize_t sent =
        ::sendto(sender, "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    require(sent == 1, "sendto");
  }
  ::close(sender);
}

/// `count` datagrams to a port without listener, in a network namespace of its own.
void send_to_nobody(uint64_t count) {
  enter_namespace_with_loopback();
  send_datagrams(kNobody, count);
}

/// `count` datagrams to a socket whose filter takes none, in a network namespace of its own.
void send_to_who_takes_nothing(uint64_t count) {
  enter_namespace_with_loopback();
  const int receiver = ::socket(AF_INET, SOCK_DGRAM, 0);
  sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  const sock_fprog filter{.len = 1, .filter = none};
  require(::setsockopt(receiver, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0, "filter");
  const sockaddr_in address = loopback_port(kPicky);
  require(::bind(receiver, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  send_datagrams(kPicky, count);
  ::close(receiver);
}

/// Leaves `count` messages unread in a Unix socket: buffers that are freed and are no packets.
void leave_unix_messages_unread(uint64_t count) {
  enter_namespace_with_loopback();
  for (uint64_t i = 0; i < count; ++i) {
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
    require(::write(ends[0], "x", 1) == 1, "write");
    ::close(ends[0]);
    ::close(ends[1]);
  }
}

uint64_t network_namespace_of(pid_t process) {
  struct stat status{};
  return ::stat(("/proc/" + std::to_string(process) + "/ns/net").c_str(), &status) == 0 ? status.st_ino : 0;
}

exporter::ContainerTable pods_of(const std::vector<std::pair<const TestCgroup*, const Worker*>>& pods) {
  std::vector<exporter::Container> containers;
  for (const auto& [cgroup, worker] : pods) {
    containers.push_back(cgroup->container());
    containers.back().network_namespace = network_namespace_of(worker->process());
  }
  return {std::move(containers), {}, {}};
}

double drops(const Exposition& page, const std::string& pod, const std::string& reason) {
  return page.value(kDrops, {{"pod", pod}, {"container", ""}, {"reason", reason}});
}

/// Two pods with a network namespace each.
class PacketDrops : public testing::Test {
 protected:
  PacketDrops()
      : nobody_(nobody_cgroup_, send_to_nobody),
        picky_(picky_cgroup_, send_to_who_takes_nothing),
        probe_(exporter::make_packet_drops_collector) {
    // The first run moves each into a namespace of its own.
    nobody_.run(0);
    picky_.run(0);
    table_ = pods_of({{&nobody_cgroup_, &nobody_}, {&picky_cgroup_, &picky_}});
  }

  TestCgroup nobody_cgroup_{"nobody"};
  TestCgroup picky_cgroup_{"picky"};
  Worker nobody_;
  Worker picky_;
  Probe probe_;
  exporter::ContainerTable table_;
};

TEST_F(PacketDrops, AreCountedByPodAndReasonAndBeginAtZero) {
  (void)probe_.scrape(table_);
  nobody_.run(23);
  picky_.run(41);
  const Exposition first = probe_.scrape(table_);
  EXPECT_EQ(drops(first, "nobody", "no_socket"), 0);
  EXPECT_EQ(drops(first, "picky", "socket_filter"), 0);
  nobody_.run(6);
  const Exposition second = probe_.scrape(table_);
  EXPECT_EQ(drops(second, "nobody", "no_socket"), 29);
  EXPECT_EQ(drops(second, "picky", "socket_filter"), 41);
  EXPECT_TRUE(second.find(kDrops, {{"pod", "picky"}, {"reason", "no_socket"}}).empty());
}

TEST_F(PacketDrops, OfANamespaceWithoutPodAreTheHostsByReason) {
  const exporter::ContainerTable without = pods_of({{&nobody_cgroup_, &nobody_}});
  picky_.run(1);
  (void)probe_.scrape(without);
  (void)probe_.scrape(without);  // a new namespace has a row from its second reading on
  const double before = drops(probe_.scrape(without), "", "socket_filter");
  picky_.run(37);
  EXPECT_GE(drops(probe_.scrape(without), "", "socket_filter") - before, 37);
}

TEST_F(PacketDrops, WhatAPodCountedStaysWhenItEnds) {
  nobody_.run(23);
  (void)probe_.scrape(table_);
  EXPECT_EQ(drops(probe_.scrape(table_), "nobody", "no_socket"), 23);
  const exporter::ContainerTable without = pods_of({{&picky_cgroup_, &picky_}});
  nobody_.run(4);
  EXPECT_EQ(drops(probe_.scrape(without), "nobody", "no_socket"), 27) << "what is counted late is its own";
}

TEST(PacketDropsOf, UnixSocketsAreNone) {
  const TestCgroup cgroup("unix");
  Worker worker(cgroup, leave_unix_messages_unread);
  worker.run(0);
  Probe probe(exporter::make_packet_drops_collector);
  const auto table = pods_of({{&cgroup, &worker}});
  worker.run(23);
  (void)probe.scrape(table);
  EXPECT_EQ(sum_of_rows(probe.scrape(table), kDrops, {{"pod", "unix"}}), 0);
}

TEST(PacketDropsOf, AHookThatIsForbiddenAreNotCounted) {
  Probe probe(exporter::make_packet_drops_collector, {.disabled_hooks = {"kfree_skb"}});
  EXPECT_FALSE(probe.try_scrape({}));
  EXPECT_EQ(probe.capabilities().get("packet_drops"), exporter::CapabilityReason::kDisabled);
}

TEST(DropReasons, OfThisKernelHaveTheNamesThatItsTypesGiveThem) {
  const auto reasons = exporter::DropReasons::of_this_kernel();
  EXPECT_GT(reasons.consumed(), 0U) << "the test machine's kernel has SKB_CONSUMED";
  EXPECT_EQ(reasons.word(4711), "reason_4711");
}

TEST(DropReasons, AreNamedByNumberWhateverTheKernelNumbersThem) {
  const exporter::DropReasons reasons(
      {{0, "SKB_NOT_DROPPED_YET"}, {7, "SKB_CONSUMED"}, {9, "SKB_DROP_REASON_NETFILTER_DROP"}},
      {{3, "SKB_DROP_REASON_SUBSYS_OPENVSWITCH"}});
  EXPECT_EQ(reasons.consumed(), 7U);
  EXPECT_EQ(reasons.word(9), "netfilter_drop");
  EXPECT_EQ(reasons.word(3U << 16U), "openvswitch");
  EXPECT_EQ(reasons.word(4U << 16U), "reason_262144");
  EXPECT_EQ(exporter::DropReasons({}, {}).consumed(), 0U);
}

TEST(DropReasons, OfWhatHasArrivedAreBitsByNumber) {
  const exporter::DropReasons reasons({{2, "SKB_DROP_REASON_NOT_SPECIFIED"},
                                       {3, "SKB_DROP_REASON_TCP_OLD_SEQUENCE"},
                                       {4, "SKB_DROP_REASON_TCP_INVALID_SEQUENCE"},
                                       {9, "SKB_DROP_REASON_NETFILTER_DROP"},
                                       {70, "SKB_DROP_REASON_OTHERHOST"}},
                                      {});
  EXPECT_EQ(reasons.not_missed_of_tcp(), exporter::DropReasons::Bits{1U << 2U});
  EXPECT_EQ(reasons.not_missed(), (exporter::DropReasons::Bits{1U << 3U, 1U << (70U - 64U)}));
}

TEST(DropReasons, OfOldSequencesAreInvalidOnesWhereTheKernelDoesNotTellThemApart) {
  const exporter::DropReasons reasons({{4, "SKB_DROP_REASON_TCP_INVALID_SEQUENCE"}}, {});
  EXPECT_EQ(reasons.not_missed(), exporter::DropReasons::Bits{1U << 4U});
}

}  // namespace
}  // namespace sonde::test
