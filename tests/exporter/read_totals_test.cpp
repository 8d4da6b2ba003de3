// Counters from cgroup files count nothing twice and never fall, whatever becomes of the cgroups.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/exporter/cgroup_collectors.h"

namespace sonde::exporter {
namespace {

using testing::SizeIs;

class CgroupCounters : public CgroupCollectors {
 protected:
  /// What a v2 cgroup has used.
  void use(const std::string& cgroup, int seconds) {
    write_cgroup(cgroup + "/cpu.stat", "usage_usec " + std::to_string(seconds) + "000000\n");
  }
};

TEST_F(CgroupCounters, CountNothingTwiceWhenAContainerGetsItsNameLate) {
  use_v2();
  const std::string id(64, 'a');
  const std::string cgroup = "kubepods/burstable/pod3e2b1a4c-5d6f-4a8b-9c0d-1e2f3a4b5c6d/" + id;
  write_cgroup(cgroup + "/cgroup.procs", "77\n");
  write_cgroup(cgroup + "/cpu.stat", "usage_usec 3000000\n");
  add_process(77, 4026);
  set_interfaces(77, {{"eth0", 100}});
  CgroupScrape scrape(scratch_.path(), {}, std::chrono::seconds(60));
  for (int scrapes = 0; scrapes < 2; ++scrapes) {
    const test::Exposition page = read(scrape);
    EXPECT_EQ(page.value(kUsage, {{"container", "aaaaaaaaaaaa"}}), 3);
    EXPECT_EQ(page.value(kReceived, {{"container", ""}}), 100);
  }
  scratch_.write("run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id + "/config.json",
                 R"({"ociVersion": "1.0.2", "annotations": {"io.kubernetes.cri.sandbox-name": "api-0",
                     "io.kubernetes.cri.sandbox-namespace": "shop",
                     "io.kubernetes.cri.container-name": "server"}})");
  write_cgroup(cgroup + "/cpu.stat", "usage_usec 4000000\n");
  set_interfaces(77, {{"eth0", 120}});
  for (int scrapes = 0; scrapes < 2; ++scrapes) {
    const test::Exposition page = read(scrape);
    EXPECT_THAT(page.find(kUsage), SizeIs(1));
    EXPECT_EQ(page.value(kUsage, {{"pod", "api-0"}, {"container", "server"}}), 4);
    EXPECT_THAT(page.find(kReceived), SizeIs(1));
    EXPECT_EQ(page.value(kReceived, {{"namespace", "shop"}, {"pod", "api-0"}}), 120);
    EXPECT_THAT(page.find("sonde_exited_cpu_usage_seconds_total"), SizeIs(1));
    EXPECT_EQ(page.value("sonde_exited_cpu_usage_seconds_total", {{"service", "api"}}), 0);
  }
}

TEST_F(CgroupCounters, CountNothingTwiceWhereACgroupIsNoContainerForAWhile) {
  use_v2();
  const std::string service = "system.slice/containerd.service";
  CgroupScrape scrape(scratch_.path(), {}, std::chrono::seconds(60));
  use(service, 3600);
  EXPECT_EQ(read(scrape).value(kUsage, {{"service", "containerd"}}), 3600);
  use(service + "/job", 5);  // the service has a cgroup below it now, and counts what that one counts
  use(service, 3607);
  test::Exposition page = read(scrape);
  EXPECT_EQ(page.value(kUsage, {{"service", "job"}}), 5);
  EXPECT_EQ(page.value(kUsage, {{"service", "containerd"}}), 3600) << "it lingers";
  remove_cgroup(service + "/job");
  use(service, 3608);
  page = read(scrape);
  EXPECT_EQ(page.value(kUsage, {{"service", "containerd"}}), 3600) << "5 s of the rest were the job's";
  EXPECT_EQ(page.value(kUsage, {{"service", "job"}}), 5);
  use(service, 3610);
  page = read(scrape);
  EXPECT_EQ(page.value(kUsage, {{"service", "containerd"}}), 3602);
  EXPECT_EQ(page.value("sonde_exited_cpu_usage_seconds_total", {{"service", "containerd"}}), 3600);
  remove_cgroup(service);
  EXPECT_EQ(read(scrape).value("sonde_exited_cpu_usage_seconds_total", {{"service", "containerd"}}), 3602);
}

TEST_F(CgroupCounters, DoNotGiveACgroupWhatContainersBelowItCountedBeforeItBecameOne) {
  use_v2();
  use("shop", 90);
  use("shop/api-0", 80);
  use("shop-2", 7);
  CgroupScrape scrape(scratch_.path(), {}, std::chrono::seconds(60));
  EXPECT_THAT(read(scrape).find(kUsage), SizeIs(2));
  remove_cgroup("shop/api-0");
  test::Exposition page = read(scrape);
  EXPECT_EQ(page.value(kUsage, {{"pod", "shop"}}), 0);
  EXPECT_EQ(page.value(kUsage, {{"pod", "shop-2"}}), 7) << "nothing was below it";
  use("shop", 92);
  EXPECT_EQ(read(scrape).value(kUsage, {{"pod", "shop"}}), 2);
  remove_cgroup("shop");
  read(scrape);
  use("shop", 4);
  EXPECT_EQ(read(scrape).value(kUsage, {{"pod", "shop"}}), 6)
      << "a new cgroup of the path has its whole past";
}

TEST_F(CgroupCounters, CountAV1DescendantsOomKillsOnceThoughItCannotBeReadForAScrape) {
  use_v1();
  const std::string file = "memory/api/job/memory.oom_control";
  write_cgroup("memory/api/memory.oom_control", "oom_kill 1\n");
  write_cgroup(file, "oom_kill 3\n");
  CgroupScrape scrape = make_scrape("/api");
  const auto kills = [&] { return read(scrape).value("sonde_container_oom_kills_total"); };
  EXPECT_EQ(kills(), 4);
  std::filesystem::remove(scratch_.path() + "/sys/fs/cgroup/" + file);
  scratch_.make_directory("sys/fs/cgroup/" + file);  // reading it fails with EISDIR
  EXPECT_EQ(kills(), 4);
  std::filesystem::remove(scratch_.path() + "/sys/fs/cgroup/" + file);
  write_cgroup(file, "oom_kill 5\n");
  EXPECT_EQ(kills(), 6);
}

TEST_F(CgroupCounters, FoldOomKillsOfV1DescendantsThatComeAndGo) {
  use_v1();
  const auto set_kills = [&](const std::string& cgroup, int kills) {
    write_cgroup("memory/" + cgroup + "/memory.oom_control",
                 "under_oom 0\noom_kill " + std::to_string(kills) + "\n");
  };
  set_kills("shop", 50);  // above the container: not its own
  set_kills("shop/api", 1);
  CgroupScrape scrape = make_scrape("/shop/[^/]+");
  const auto kills = [&] { return read(scrape).value("sonde_container_oom_kills_total"); };
  EXPECT_EQ(kills(), 1);
  set_kills("shop/api/job", 3);
  EXPECT_EQ(kills(), 4);
  remove_cgroup("memory/shop/api/job");
  EXPECT_EQ(kills(), 4) << "the row does not fall with a descendant";
  set_kills("shop/api/job", 0);
  EXPECT_EQ(kills(), 4) << "nor when one of its name comes back";
  set_kills("shop/api/job", 2);
  EXPECT_EQ(kills(), 6);
}

TEST_F(CgroupCounters, NeverLetMinorFaultsFallWhileMajorOnesAreUnderWay) {
  use_v2();
  const auto minor = [&](CgroupScrape& scrape) {
    return read(scrape).value("sonde_container_memory_page_faults_total", {{"kind", "minor"}});
  };
  const auto set_faults = [&](int all, int major) {
    write_cgroup("a/memory.stat", "anon 0\nfile 0\ninactive_file 0\npgfault " + std::to_string(all) +
                                      "\npgmajfault " + std::to_string(major) + "\n");
  };
  set_faults(100, 10);
  CgroupScrape scrape = make_scrape();
  EXPECT_EQ(minor(scrape), 90);
  set_faults(100, 12);  // two major faults have begun, none has ended
  EXPECT_EQ(minor(scrape), 90);
  set_faults(105, 12);
  EXPECT_EQ(minor(scrape), 93);
}

}  // namespace
}  // namespace sonde::exporter
