#include "exporter/privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "exporter/process_capabilities.h"

namespace sonde::exporter {
namespace {

using testing::Contains;
using testing::Not;

/// Without any socket to ask.
Options no_sockets() {
  Options options;
  options.sockets = {.rootfs = "/nonexistent", .cri = "none", .docker = "none", .podman = "none"};
  return options;
}

TEST(Privileges, ToLookIntoOtherProcessesIsForNetworkCollectorsAndTraces) {
  Options options = no_sockets();
  options.collectors = {"cgroup_cpu", "oom"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE)) << "a trace names both ends";
  options.traces.on = false;
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_SYS_PTRACE)));
  options.collectors = {"tcp_retransmits"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE));
  options.collectors = {"cgroup_network"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE));
  options.collectors = {"packet_drops"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE));
}

TEST(Privileges, ToAttachToInterfacesIsForWhatSeesPackets) {
  Options options = no_sockets();
  options.collectors = {"cgroup_network", "tcp_retransmits"};
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_NET_ADMIN)));
  options.collectors = {"flow_mapping"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_NET_ADMIN));
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE));
}

TEST(Privileges, ToOpenWhatIsNotOursIsForSocketsThatAreNotRootsOrNotThereYet) {
  Options options = no_sockets();
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_DAC_OVERRIDE)));
  EXPECT_THAT(needed_capabilities(options, false), Not(Contains(CAP_DAC_OVERRIDE)));
  options.sockets.cri = "";  // none is found until now; it would be root's
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_DAC_OVERRIDE)));
  EXPECT_THAT(needed_capabilities(options, false), Contains(CAP_DAC_OVERRIDE));
  options.sockets.cri = "none";
  options.sockets.docker = "/dev/null";  // root's
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_DAC_OVERRIDE)));
  EXPECT_THAT(needed_capabilities(options, false), Contains(CAP_DAC_OVERRIDE));
  options.sockets.podman = "/nonexistent/podman.sock";
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_DAC_OVERRIDE));
}

TEST(Privileges, ToListenBelow1024IsForThatAlone) {
  Options options = no_sockets();
  options.web.listen_addresses = {":0", "127.0.0.1:1024"};
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_NET_BIND_SERVICE)));
  options.web.listen_addresses.emplace_back("[::1]:1023");
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_NET_BIND_SERVICE));
}

TEST(Privileges, ToChangeTheNetworkIsForFlowsAndToEnterNamespacesForThoseInside) {
  Options options = no_sockets();
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_NET_ADMIN)));
  options.collectors = {"flow_rtt"};
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_NET_ADMIN));
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_PTRACE));
  options.flows.attach = FlowAttach::kContainers;
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_ADMIN));
  options.flows.attach = FlowAttach::kNode;
  options.flows.network_namespace = "switch";
  EXPECT_THAT(needed_capabilities(options, true), Contains(CAP_SYS_ADMIN));
  if (!has_capability(CAP_BPF) || !has_capability(CAP_PERFMON))
    return;  // else it stands for these in any case
  options.flows.network_namespace.clear();
  EXPECT_THAT(needed_capabilities(options, true), Not(Contains(CAP_SYS_ADMIN)));
}

TEST(Privileges, ToChangeTheSystemIsForNothing) {
  Options options = no_sockets();
  for (const int capability : {CAP_SYS_MODULE, CAP_NET_ADMIN, CAP_SETUID, CAP_KILL, CAP_SYS_RESOURCE}) {
    EXPECT_THAT(needed_capabilities(options, true), Not(Contains(capability)));
  }
}

}  // namespace
}  // namespace sonde::exporter
