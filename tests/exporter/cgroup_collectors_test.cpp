// What the cgroup collectors do where the files are not as they should be.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/exporter/cgroup_scrape.h"
#include "tests/identity/scratch_directory.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kNetDevHeading = "Inter-| Receive | Transmit\n face |bytes\n";

/// A host with a v2 tree, or with v1 memory and cpuacct trees.
class CgroupCollectors : public testing::Test {
 protected:
  void use_v2(const std::string& options = "rw") {
    scratch_.write("proc/self/mountinfo",
                   "35 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 " + options + "\n");
    scratch_.make_directory("sys/fs/cgroup");
    add_process(1, 4000);
  }
  void use_v1() {
    scratch_.write("proc/self/mountinfo",
                   "35 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                   "36 24 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n");
    scratch_.make_directory("sys/fs/cgroup/memory");
    scratch_.make_directory("sys/fs/cgroup/cpuacct");
    add_process(1, 4000);
  }
  void add_process(int process, int network_namespace) {
    const std::string folder = "proc/" + std::to_string(process) + "/ns";
    scratch_.make_directory(folder);
    const std::string link = scratch_.path() + '/' + folder + "/net";
    std::filesystem::remove(link);
    std::filesystem::create_symlink("net:[" + std::to_string(network_namespace) + "]", link);
  }
  /// `columns`: receive bytes, packets, errors, drops; the same of sending.
  void set_interfaces(int process, const std::vector<std::pair<std::string, uint64_t>>& received_bytes) {
    std::string text = kNetDevHeading;
    for (const auto& [name, bytes] : received_bytes) {
      text += "  " + name + ": " + std::to_string(bytes) + " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    }
    scratch_.write("proc/" + std::to_string(process) + "/net/dev", text);
  }
  /// Writes a file of a cgroup, which has a process unless its cgroup.procs says otherwise.
  void write_cgroup(const std::string& relative, const std::string& content) {
    const std::string file = "sys/fs/cgroup/" + relative;
    scratch_.write(file, content);
    const std::string processes = file.substr(0, file.rfind('/')) + "/cgroup.procs";
    if (!std::filesystem::exists(scratch_.path() + '/' + processes)) scratch_.write(processes, "1\n");
  }
  void remove_cgroup(const std::string& relative) {
    std::filesystem::remove_all(scratch_.path() + "/sys/fs/cgroup/" + relative);
  }
  CgroupScrape make_scrape(const std::string& include = "") {
    if (include.empty()) return CgroupScrape(scratch_.path());
    return CgroupScrape(scratch_.path(), std::move(*ContainerRule::matching(include)));
  }
  static test::Exposition read(CgroupScrape& scrape) {
    const std::string page = scrape.page();
    EXPECT_THAT(test::duplicate_series(page), IsEmpty());
    const auto parsed = test::parse_exposition(page);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
    return parsed ? *parsed : test::Exposition();
  }
  static double success(const test::Exposition& page, const std::string& collector) {
    return page.value("sonde_scrape_collector_success", {{"collector", collector}});
  }

  test::ScratchDirectory scratch_;
};

constexpr const char* kUsage = "sonde_container_cpu_usage_seconds_total";

TEST_F(CgroupCollectors, CountAFileOfGarbageAndGoOnWithTheRest) {
  use_v2();
  for (const char* const garbage : {"", "\n", "usage", "usage_usec x\n", "usage_usec -1\n", "\xff\xfe\n",
                                    "usage_usec 99999999999999999999\n"}) {
    write_cgroup("bad/cpu.stat", garbage);
    write_cgroup("good/cpu.stat", "usage_usec 5000000\n");
    CgroupScrape scrape = make_scrape();
    const test::Exposition page = read(scrape);
    EXPECT_EQ(page.value(kUsage, {{"pod", "good"}}), 5);
    EXPECT_THAT(page.find(kUsage), SizeIs(1));
    EXPECT_EQ(success(page, "cgroup_cpu"), 1);
    EXPECT_EQ(scrape.failures().count("cgroup_cpu", ReadFailure::kMalformed), 1U) << garbage;
  }
}

TEST_F(CgroupCollectors, ReadEveryFileOfGarbageWithoutLosingTheScrape) {
  use_v2();
  for (const char* const file : {"cpu.stat", "cpu.max", "cpu.weight", "memory.current", "memory.max",
                                 "memory.stat", "memory.events", "cgroup.procs"}) {
    write_cgroup(std::string("bad/") + file, "\x01 garbage \xff");
  }
  CgroupScrape scrape = make_scrape();
  const test::Exposition page = read(scrape);
  for (const char* const collector : {"cgroup_cpu", "cgroup_memory", "cgroup_network", "oom"}) {
    EXPECT_EQ(success(page, collector), 1) << collector;
  }
  EXPECT_EQ(scrape.failures().count("cgroup_cpu", ReadFailure::kMalformed), 3U);
  EXPECT_EQ(scrape.failures().count("cgroup_memory", ReadFailure::kMalformed), 3U);
  EXPECT_EQ(scrape.failures().count("oom", ReadFailure::kMalformed), 1U);
}

TEST_F(CgroupCollectors, TellAFileThatCannotBeReadFromOneThatDoesNotExist) {
  use_v2();
  write_cgroup("a/cpu.weight", "100\n");
  scratch_.make_directory("sys/fs/cgroup/a/cpu.stat");  // reading a directory fails with EISDIR
  CgroupScrape scrape = make_scrape("/a");
  const test::Exposition page = read(scrape);
  EXPECT_EQ(scrape.failures().count("cgroup_cpu", ReadFailure::kUnreadable), 1U);
  EXPECT_EQ(scrape.failures().count("cgroup_cpu", ReadFailure::kVanished), 0U);
  EXPECT_EQ(page.value("sonde_container_cpu_request_cores", {{"pod", "a"}}), 1);
}

TEST_F(CgroupCollectors, KeepHostileNamesInsideTheirLabels) {
  use_v2();
  const std::vector<std::string> names{"new\nline",
                                       "quo\"te",
                                       "back\\slash",
                                       "inv\377\376alid",
                                       "a} 1\n# TYPE x",
                                       "\xe2\x82\xac",
                                       std::string(255, 'n'),
                                       "sp ace",
                                       "{",
                                       "=",
                                       ","};
  for (const std::string& name : names) write_cgroup(name + "/cpu.stat", "usage_usec 1000000\n");
  CgroupScrape scrape = make_scrape();
  const test::Exposition page = read(scrape);
  EXPECT_THAT(page.find(kUsage), SizeIs(names.size()));
  EXPECT_EQ(page.value(kUsage, {{"pod", "new\nline"}}), 1);
  EXPECT_EQ(page.value(kUsage, {{"pod", "quo\"te"}}), 1);
  EXPECT_EQ(page.value(kUsage, {{"pod",
                                 "inv\xef\xbf\xbd\xef\xbf\xbd"
                                 "alid"}}),
            1);
}

TEST_F(CgroupCollectors, DropTheRowsOfAContainerThatIsGone) {
  use_v2();
  write_cgroup("a/cpu.stat", "usage_usec 1\n");
  write_cgroup("b/cpu.stat", "usage_usec 1\n");
  CgroupScrape scrape = make_scrape();
  EXPECT_THAT(read(scrape).find(kUsage), SizeIs(2));
  remove_cgroup("b");
  EXPECT_THAT(read(scrape).find(kUsage), SizeIs(1));
}

TEST_F(CgroupCollectors, FoldOomKillsOfV1DescendantsThatComeAndGo) {
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

TEST_F(CgroupCollectors, TakeV2sOomKillsAsTheyAreUnlessTheMountCountsEachCgroupAlone) {
  use_v2();
  write_cgroup("api/memory.events", "oom 0\noom_kill 5\n");
  write_cgroup("api/job/memory.events", "oom 0\noom_kill 2\n");
  CgroupScrape included = make_scrape("/api");
  EXPECT_EQ(read(included).value("sonde_container_oom_kills_total"), 5);
  use_v2("rw,memory_localevents");
  CgroupScrape local = make_scrape("/api");
  EXPECT_EQ(read(local).value("sonde_container_oom_kills_total"), 7);
}

TEST_F(CgroupCollectors, NeverLetMinorFaultsFallWhileMajorOnesAreUnderWay) {
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

constexpr const char* kReceived = "sonde_pod_network_receive_bytes_total";

class PodNetwork : public CgroupCollectors {
 protected:
  void SetUp() override {
    use_v2();
    write_cgroup("pod/cgroup.procs", "77\n");
    add_process(77, 4026);
    set_interfaces(77, {{"lo", 999}, {"eth0", 100}});
  }
};

TEST_F(PodNetwork, IsARowOfThePodWithoutTheLoopback) {
  CgroupScrape scrape = make_scrape();
  EXPECT_EQ(read(scrape).value(kReceived,
                               {{"pod", "pod"}, {"container", ""}, {"service", "pod"}, {"namespace", ""}}),
            100);
}

TEST_F(PodNetwork, DoesNotFallWhenAnInterfaceGoesOrStartsAnew) {
  CgroupScrape scrape = make_scrape();
  set_interfaces(77, {{"eth0", 100}, {"eth1", 40}});
  EXPECT_EQ(read(scrape).value(kReceived), 140);
  set_interfaces(77, {{"eth0", 110}});
  EXPECT_EQ(read(scrape).value(kReceived), 150);
  set_interfaces(77, {{"eth0", 7}});  // another interface of that name
  EXPECT_EQ(read(scrape).value(kReceived), 157);
  set_interfaces(77, {{"eth0", 9}, {"eth1", 3}});
  EXPECT_EQ(read(scrape).value(kReceived), 162);
}

TEST_F(PodNetwork, IsAbsentForTheHostsNamespaceAndForPodsWithoutProcess) {
  add_process(78, 4000);
  write_cgroup("on-host/cgroup.procs", "78\n");
  set_interfaces(78, {{"eth0", 5}});
  write_cgroup("empty/cgroup.procs", "");
  CgroupScrape scrape = make_scrape();
  EXPECT_THAT(read(scrape).find(kReceived), SizeIs(1));
}

TEST_F(PodNetwork, IsWrittenOnceWhereTwoPodsShareTheNamespace) {
  add_process(78, 4026);
  write_cgroup("another/cgroup.procs", "78\n");
  set_interfaces(78, {{"eth0", 100}});
  CgroupScrape scrape = make_scrape();
  const test::Exposition page = read(scrape);
  EXPECT_THAT(page.find(kReceived), SizeIs(1));
  EXPECT_EQ(page.value(kReceived, {{"pod", "another"}}), 100) << "the first by path";
}

TEST_F(PodNetwork, IsFoundThroughADescendantsProcess) {
  write_cgroup("pod/cgroup.procs", "");
  write_cgroup("pod/inner/cgroup.procs", "0\n77\n");
  CgroupScrape scrape = make_scrape("/pod");
  EXPECT_EQ(read(scrape).value(kReceived), 100);
}

TEST_F(PodNetwork, AppearsWithTheFirstProcessAndGoesWithTheLast) {
  write_cgroup("pod/cgroup.procs", "");
  CgroupScrape scrape = make_scrape();
  EXPECT_THAT(read(scrape).find(kReceived), IsEmpty());
  write_cgroup("pod/cgroup.procs", "77\n");
  EXPECT_EQ(read(scrape).value(kReceived), 100);
  write_cgroup("pod/cgroup.procs", "");
  EXPECT_THAT(read(scrape).find(kReceived), IsEmpty());
}

TEST_F(PodNetwork, GoesOnWhereItEndedAfterScrapesWithoutAProcess) {
  CgroupScrape scrape = make_scrape();
  EXPECT_EQ(read(scrape).value(kReceived), 100);
  set_interfaces(77, {{"eth0", 20}});  // another interface of that name
  EXPECT_EQ(read(scrape).value(kReceived), 120);
  for (int scrapes = 0; scrapes < 3; ++scrapes) {
    write_cgroup("pod/cgroup.procs", "");
    EXPECT_THAT(read(scrape).find(kReceived), IsEmpty());
    set_interfaces(77, {{"eth0", 25}});
    write_cgroup("pod/cgroup.procs", "77\n");
    EXPECT_EQ(read(scrape).value(kReceived), 125) << scrapes;
  }
  // Started anew: another process in a namespace of its own.
  write_cgroup("pod/cgroup.procs", "");
  EXPECT_THAT(read(scrape).find(kReceived), IsEmpty());
  add_process(78, 4027);
  set_interfaces(78, {{"eth0", 3}});
  write_cgroup("pod/cgroup.procs", "78\n");
  EXPECT_EQ(read(scrape).value(kReceived), 128);
}

TEST_F(CgroupCollectors, CountNothingTwiceWhenAContainerGetsItsNameLate) {
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

TEST_F(PodNetwork, CountsAMissingOrBrokenFile) {
  scratch_.write("proc/77/net/dev", "garbage");
  CgroupScrape scrape = make_scrape();
  EXPECT_THAT(read(scrape).find(kReceived), IsEmpty());
  EXPECT_EQ(scrape.failures().count("cgroup_network", ReadFailure::kMalformed), 1U);
  std::filesystem::remove(scratch_.path() + "/proc/77/net/dev");
  const test::Exposition page = read(scrape);
  EXPECT_EQ(scrape.failures().count("cgroup_network", ReadFailure::kUnreadable), 1U);
  EXPECT_EQ(success(page, "cgroup_network"), 1);
}

}  // namespace
}  // namespace sonde::exporter
