#include "exporter/start_line.h"

#include <gtest/gtest.h>

namespace sonde::exporter {
namespace {

TEST(StartLine, SaysOfEachSourceOfNamesWhetherItIsThere) {
  Options options;
  DiscoveryState state;
  EXPECT_EQ(name_sources_text(options, state),
            "cri=not_found docker=not_found podman=not_found state_files=not_found systemd=on");
  options.sockets.podman = "none";
  state.name_sources = {{"cri", true}, {"docker", false}, {"state_files", true}};
  EXPECT_EQ(name_sources_text(options, state),
            "cri=up docker=no_answer podman=off state_files=found systemd=on");
  options.state_files = false;
  options.systemd_units = false;
  state.name_sources = {{"cri", true}};
  EXPECT_EQ(name_sources_text(options, state),
            "cri=up docker=not_found podman=off state_files=off systemd=off");
}

TEST(StartLine, SaysHowSystemCallsAreCountedAndWhyNot) {
  Options options;
  CapabilityTable capabilities;
  EXPECT_EQ(syscalls_text(options, capabilities), "off") << "the collector is not among those that are on";
  options.collectors = {"syscalls"};
  capabilities.set("syscalls", CapabilityReason::kAvailable);
  EXPECT_EQ(syscalls_text(options, capabilities), "sampled");
  options.syscalls.mode = SyscallsMode::kExact;
  EXPECT_EQ(syscalls_text(options, capabilities), "exact");
  capabilities.set("syscalls", CapabilityReason::kNoBtf);
  EXPECT_EQ(syscalls_text(options, capabilities), "off (no_btf)");
  options.syscalls.mode = SyscallsMode::kOff;
  EXPECT_EQ(syscalls_text(options, capabilities), "off");
}

}  // namespace
}  // namespace sonde::exporter
