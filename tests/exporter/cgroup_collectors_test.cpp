// What the cgroup collectors do where the files are not as they should be.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/exporter/cgroup_collectors.h"

namespace sonde::exporter {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

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
