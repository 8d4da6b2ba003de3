#include "exporter/flows/flow_interfaces.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <net/if.h>

#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "exporter/flows/address.h"
#include "exporter/process_capabilities.h"
#include "tests/bpf/support/in_child.h"
#include "tests/flows/support/flow_interfaces_fixture.h"

namespace sonde::test {
namespace {

using exporter::address_text;
using exporter::FlowAttach;
using exporter::FlowInterface;
using exporter::FlowInterfaces;
using exporter::TcMeans;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Place {
  FlowAttach attach;
  TcMeans means;
};

class EveryPlace : public FlowInterfacesTest, public testing::WithParamInterface<Place> {};

TEST_P(EveryPlace, EachDirectionIsSeenByItsProgramAlone) {
  const Pod pod;
  pod.connect("host0", 1);
  know(pod);
  auto where = options(GetParam().attach, GetParam().means);
  where.node_interfaces = "host0";
  start(std::move(where));
  ASSERT_THAT(flows_->current(), SizeIs(1));
  const FlowInterface interface = flows_->current().front();
  EXPECT_EQ(flows_->means(), GetParam().means);
  EXPECT_EQ(
      metric("sonde_exporter_flow_interfaces", {{"means", std::string(tc_means_word(GetParam().means))}}), 1);

  // 23 leave the pod and 11 come to it; the node's own interface has them the other way round.
  pod.inside([] { send_datagrams("10.0.1.1", 23); });
  send_datagrams("10.0.1.2", 11);
  const bool node = GetParam().attach == FlowAttach::kNode;
  EXPECT_TRUE(eventually([&] { return programs_.sent(interface.index) == (node ? 11U : 23U); }));
  EXPECT_TRUE(eventually([&] { return programs_.received(interface.index) == (node ? 23U : 11U); }));

  flows_.reset();
  pod.inside([] { send_datagrams("10.0.1.1", 5); });
  send_datagrams("10.0.1.2", 5);
  EXPECT_EQ(programs_.sent(interface.index) + programs_.received(interface.index), 34U);
  EXPECT_THAT(output_of("tc qdisc show dev host0"), testing::Not(HasSubstr("clsact")));
  pod.inside([] { EXPECT_THAT(output_of("tc qdisc show dev eth0"), testing::Not(HasSubstr("clsact"))); });
}

std::string name_of(const testing::TestParamInfo<Place>& parameter) {
  constexpr std::array kNames{"HostEnds", "Containers", "Node"};
  return kNames.at(static_cast<size_t>(parameter.param.attach)) +
         std::string(tc_means_word(parameter.param.means));
}

INSTANTIATE_TEST_SUITE_P(Places, EveryPlace,
                         testing::Values(Place{FlowAttach::kHostEnds, TcMeans::kTcx},
                                         Place{FlowAttach::kHostEnds, TcMeans::kClsact},
                                         Place{FlowAttach::kContainers, TcMeans::kTcx},
                                         Place{FlowAttach::kContainers, TcMeans::kClsact},
                                         Place{FlowAttach::kNode, TcMeans::kTcx},
                                         Place{FlowAttach::kNode, TcMeans::kClsact}),
                         name_of);

TEST_F(FlowInterfacesTest, AHostEndIsOfTheContainerBehindIt) {
  const Pod one;
  const Pod other;
  one.connect("host1", 1);
  other.connect("host2", 2);
  other.inside([] { run("ip addr add fd00:77::9/64 dev eth0 nodad"); });
  know(one);
  know(other);
  start(options());
  const auto interfaces = flows_->current();
  ASSERT_THAT(interfaces, SizeIs(2));
  for (const FlowInterface& interface : interfaces) {
    EXPECT_EQ(interface.space, 0U);
    EXPECT_EQ(interface.index, if_nametoindex(interface.name.c_str()));
    std::set<std::string> addresses;
    for (const flow_address& address : interface.addresses) addresses.insert(address_text(address));
    if (interface.name == "host1") {
      EXPECT_EQ(interface.network_namespace, one.network_namespace());
      EXPECT_EQ(addresses, (std::set<std::string>{"10.0.1.2"}));
    } else {
      EXPECT_EQ(interface.network_namespace, other.network_namespace());
      EXPECT_EQ(addresses, (std::set<std::string>{"10.0.2.2", "fd00:77::9"}));
    }
  }
}

TEST_F(FlowInterfacesTest, AddressesOfContainersAreKnownWhereverProgramsAre) {
  const Pod pod;
  pod.connect("host0", 1);
  know(pod);
  auto node = options(FlowAttach::kNode);
  node.node_interfaces = "host0";
  start(std::move(node));
  const auto containers = flows_->addresses();
  ASSERT_THAT(containers, SizeIs(1));
  EXPECT_EQ(containers[0].network_namespace, pod.network_namespace());
  ASSERT_THAT(containers[0].addresses, SizeIs(1));
  EXPECT_EQ(address_text(containers[0].addresses[0]), "10.0.1.2");
  const auto interfaces = flows_->current();
  ASSERT_THAT(interfaces, SizeIs(1));
  EXPECT_EQ(interfaces[0].network_namespace, 0U);
  ASSERT_THAT(interfaces[0].addresses, SizeIs(1));
  EXPECT_EQ(address_text(interfaces[0].addresses[0]), "10.0.1.1");
}

TEST_F(FlowInterfacesTest, InterfacesThatComeLaterArePickedUpAndThoseThatGoAreDropped) {
  start(options());
  EXPECT_THAT(flows_->current(), IsEmpty());
  Pod pod;
  know(pod);
  pod.connect("later", 1);
  ASSERT_TRUE(eventually([&] { return names() == std::set<std::string>{"later"}; }));
  const uint32_t index = flows_->current().front().index;
  pod.inside([] { send_datagrams("10.0.1.1", 23); });
  EXPECT_TRUE(eventually([&] { return programs_.sent(index) == 23U; }));

  run("ip link del later");
  EXPECT_TRUE(eventually([&] { return names().empty(); }));
  pod.connect("again", 1);
  ASSERT_TRUE(eventually([&] { return names() == std::set<std::string>{"again"}; }));
  // The namespace goes with its last process, and the pair with it.
  pod.end();
  EXPECT_TRUE(eventually([&] { return names().empty(); }));
  EXPECT_EQ(metric("sonde_exporter_flow_attach_failures_total"), 0);
}

TEST_F(FlowInterfacesTest, AnIndexThatIsUsedAgainIsAnotherInterface) {
  const Pod pod;
  know(pod);
  start(options());
  for (int round = 0; round < 5; ++round) {
    run(fmt::format("ip link add again index 77 type veth peer name eth0 netns {}", pod.process()));
    run("ip addr add 10.0.1.1/24 dev again && ip link set again up");
    pod.inside([] { run("ip addr add 10.0.1.2/24 dev eth0 && ip link set eth0 up"); });
    ASSERT_TRUE(eventually([&] {
      const uint64_t before = programs_.sent(77);
      pod.inside([] { send_datagrams("10.0.1.1", 1); });
      return programs_.sent(77) > before;
    })) << round;
    run("ip link del again");
  }
}

TEST_F(FlowInterfacesTest, NothingIsAttachedToPairsOfNoContainerUntilItIsKnown) {
  const Pod pod;
  pod.connect("unknown", 1);
  run("ip link add here type veth peer name there");  // both ends on the node
  start(options());
  EXPECT_THAT(flows_->current(), IsEmpty());
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces_unowned"), 1);
  know(pod);
  EXPECT_TRUE(eventually([&] { return names() == std::set<std::string>{"unknown"}; }));
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces_unowned"), 0);
  // A host end stays its container's when no process of it is found for a while.
  know_none();
  ASSERT_TRUE(eventually([&] { return flows_->addresses().empty(); }));
  EXPECT_EQ(names(), std::set<std::string>{"unknown"});
  EXPECT_EQ(flows_->current().front().network_namespace, pod.network_namespace());
}

TEST_F(FlowInterfacesTest, HostEndsAreTakenFromAnotherNamespaceWhereOneIsNamed) {
  const Pod node;
  const Pod pod;
  node.inside([&] { pod.connect("switch1", 1); });
  know(pod);
  auto elsewhere = options();
  elsewhere.network_namespace = fmt::format("/proc/{}/ns/net", node.process());
  start(std::move(elsewhere));
  ASSERT_EQ(names(), std::set<std::string>{"switch1"});
  const FlowInterface interface = flows_->current().front();
  EXPECT_EQ(interface.space, 1U);
  EXPECT_EQ(interface.network_namespace, pod.network_namespace());
  pod.inside([] { send_datagrams("10.0.1.1", 23); });
  EXPECT_TRUE(eventually([&] { return programs_.sent(interface.index) == 23U; }));
  // The test's own thread has stayed where it was.
  EXPECT_EQ(if_nametoindex("switch1"), 0U);
}

TEST_F(FlowInterfacesTest, EachContainerIsASpaceOfItsOwnWhereProgramsAreInside) {
  Pod one;
  const Pod other;
  one.connect("host1", 1);
  other.connect("host2", 2);
  know(one);
  know(other);
  start(options(FlowAttach::kContainers));
  std::set<uint32_t> spaces;
  for (const FlowInterface& interface : flows_->current()) {
    EXPECT_EQ(interface.name, "eth0");
    spaces.insert(interface.space);
  }
  EXPECT_THAT(spaces, SizeIs(2));
  EXPECT_THAT(spaces, testing::Not(Contains(0U)));
  EXPECT_EQ(open_spaces(), 2U);
  one.end();
  know_none();
  know(other);
  ASSERT_TRUE(eventually([&] { return flows_->current().size() == 1; }));
  EXPECT_EQ(flows_->current().front().network_namespace, other.network_namespace());
  EXPECT_TRUE(eventually([&] { return open_spaces() == 1; }));
}

TEST_F(FlowInterfacesTest, ProgramsThatTakeLongToLoadHoldUpNeitherTheStartNorTheEnd) {
  constexpr int kPods = 12;
  std::vector<Pod> pods(kPods);
  for (int i = 0; i < kPods; ++i) {
    pods[static_cast<size_t>(i)].connect(fmt::format("slow{}", i), i + 1);
    know(pods[static_cast<size_t>(i)]);
  }
  auto slow = options(FlowAttach::kContainers);
  slow.programs = [load = slow.programs](uint32_t space) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return load(space);
  };
  start(slow);
  EXPECT_LT(flows_->current().size(), kPods);
  flows_.reset();
  EXPECT_LT(open_spaces(), kPods);
  start(std::move(slow));
  EXPECT_TRUE(eventually([&] { return flows_->current().size() == kPods; }));
}

TEST_F(FlowInterfacesTest, AnInterfaceThatCannotBeAttachedToIsCounted) {
  const Pod pod;
  pod.connect("host0", 1);
  know(pod);
  auto broken = options();
  broken.programs = [](uint32_t) { return exporter::FlowProgramDescriptors{-1, -1}; };
  start(std::move(broken));
  EXPECT_THAT(flows_->current(), IsEmpty());
  EXPECT_EQ(metric("sonde_exporter_flow_interfaces_failed"), 1);
  EXPECT_EQ(metric("sonde_exporter_flow_attach_failures_total"), 1);
}

/// Starts in a child process that has only some capabilities; tells the interfaces' names, or the error's
/// code.
std::string started_with(const std::set<int>& capabilities, const exporter::FlowInterfacesOptions& options) {
  return in_child([&]() -> std::string {
    if (!exporter::keep_only_capabilities(capabilities)) return "capabilities cannot be dropped";
    const auto started = FlowInterfaces::start(options);
    if (!started)
      return started.error().code == ErrorCode::kPermission ? "no permission" : started.error().message;
    std::string names;
    for (const FlowInterface& interface : (*started)->current()) names += interface.name + ' ';
    return names;
  });
}

TEST_F(FlowInterfacesTest, EachModeNeedsTheRightsThatAreDocumented) {
  const Pod pod;
  pod.connect("host0", 1);
  know(pod);
  auto node = options(FlowAttach::kNode);
  node.node_interfaces = "host0";
  auto named = options();
  named.network_namespace = "/proc/self/ns/net";
  const std::set<int> bpf{CAP_BPF, CAP_PERFMON};
  const std::set<int> least{CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_PTRACE};
  const std::set<int> with_entering{CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_ADMIN};
  for (const TcMeans means : {TcMeans::kTcx, TcMeans::kClsact}) {
    EXPECT_EQ(started_with(least, options(FlowAttach::kHostEnds, means)), "host0 ");
  }
  EXPECT_EQ(started_with(bpf, options()), "no permission");
  // Without it nobody's network namespace is seen, so host ends are no container's.
  EXPECT_EQ(started_with({CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN}, options()), "");
  EXPECT_EQ(started_with({CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN}, node), "host0 ");
  EXPECT_EQ(started_with(least, options(FlowAttach::kContainers)), "");
  EXPECT_EQ(started_with(with_entering, options(FlowAttach::kContainers)), "eth0 ");
  EXPECT_EQ(started_with(least, named), "no permission");
  EXPECT_EQ(started_with(with_entering, named), "host0 ");
}

TEST_F(FlowInterfacesTest, WrongOptionsAreNamed) {
  auto wrong = options();
  wrong.network_namespace = "nosuch";
  auto started = FlowInterfaces::start(std::move(wrong));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(started.error().message, HasSubstr("/run/netns/nosuch"));
  auto expression = options(FlowAttach::kNode);
  expression.node_interfaces = "eth[";
  started = FlowInterfaces::start(std::move(expression));
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("--flows.node-interfaces=eth["));
}

}  // namespace
}  // namespace sonde::test
