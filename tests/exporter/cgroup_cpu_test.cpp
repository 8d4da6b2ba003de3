// What stands behind the numbers of the CPU controller.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/exporter/cgroup_scrape.h"
#include "tests/identity/scratch_directory.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

// The expected shares are those that cAdvisor, which inverts the runtimes' formula too, has for these
// weights.
TEST(CgroupCpu, TurnsTheWeightOfARuntimesContainerBackIntoItsRequest) {
  const test::ScratchDirectory scratch;
  scratch.write("proc/self/mountinfo", "35 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  const auto add = [&](const std::string& cgroup, const std::string& weight) {
    scratch.write("sys/fs/cgroup" + cgroup + "/cpu.weight", weight + '\n');
    scratch.write("sys/fs/cgroup" + cgroup + "/cgroup.procs", "1\n");
  };
  const std::string pod = "/kubepods/burstable/pod3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/";
  for (const auto& [letter, weight] : {std::pair('a', "39"), {'b', "20"}, {'c', "1"}, {'d', "100"}}) {
    add(pod + std::string(64, letter), weight);
  }
  add("/plain", "39");
  CgroupScrape scrape(scratch.path());
  const auto page = test::parse_exposition(scrape.page());
  ASSERT_TRUE(page);
  const auto shares = [&](const std::string& container) {
    return page->value("sonde_container_cpu_request_cores", {{"container", container}}) * 1024;
  };
  EXPECT_EQ(shares("aaaaaaaaaaaa"), 998) << "what the weight keeps of 1 processor, 1024 shares";
  EXPECT_EQ(shares("bbbbbbbbbbbb"), 500) << "of half a processor";
  EXPECT_EQ(shares("cccccccccccc"), 2) << "of nothing asked for, as kubelet says it";
  EXPECT_EQ(shares("dddddddddddd"), 1024) << "as v1 has it where nothing was said";
  EXPECT_DOUBLE_EQ(shares("plain"), 0.39 * 1024);
}

}  // namespace
}  // namespace sonde::exporter
