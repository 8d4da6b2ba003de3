#include "common/metrics/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/metrics/build_info_metric.h"
#include "tests/support/exposition.h"

namespace sonde::metrics {
namespace {

test::Exposition page_of(const std::string& proc = "/proc") {
  SeriesWriter writer;
  write_process_metrics(writer, proc);
  return *test::parse_exposition(writer.text());
}

TEST(ProcessMetrics, AreTheSevenOfEveryClientLibrary) {
  std::set<std::string> names;
  for (const auto& sample : page_of().samples) names.insert(sample.name);
  EXPECT_THAT(names,
              ::testing::ElementsAre("process_cpu_seconds_total", "process_max_fds", "process_open_fds",
                                     "process_resident_memory_bytes", "process_start_time_seconds",
                                     "process_threads", "process_virtual_memory_bytes"));
  EXPECT_EQ(process_metric_rows().size(), names.size());
}

TEST(ProcessMetrics, CpuTimeIsTheKernelsOwnCount) {
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const double cpu = page_of().value("process_cpu_seconds_total");
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  EXPECT_GE(cpu, seconds(before.ru_utime) + seconds(before.ru_stime) - 0.05);
}

TEST(ProcessMetrics, OneMoreDescriptorCountsOne) {
  const double before = page_of().value("process_open_fds");
  const FileDescriptor one(::dup(0));
  EXPECT_EQ(page_of().value("process_open_fds"), before + 1);
}

TEST(ProcessMetrics, OneMoreThreadCountsOne) {
  std::thread([] {}).join();  // ThreadSanitizer starts a thread of its own with the first one
  const double before = page_of().value("process_threads");
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  std::thread thread([&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
  });
  EXPECT_EQ(page_of().value("process_threads"), before + 1);
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  changed.notify_all();
  thread.join();
}

TEST(ProcessMetrics, ResidentMemoryIsBelowVirtualAndStartIsBeforeNow) {
  const test::Exposition page = page_of();
  EXPECT_GT(page.value("process_resident_memory_bytes"), 100000);
  EXPECT_LT(page.value("process_resident_memory_bytes"), page.value("process_virtual_memory_bytes"));
  const double start = page.value("process_start_time_seconds");
  EXPECT_LE(start, unix_seconds_now() + 1);
  EXPECT_GT(start, unix_seconds_now() - 3600) << "tests do not run for an hour";
}

TEST(ProcessMetrics, ANameWithBlanksAndBracketsDoesNotShiftTheFields) {
  char folder[] = "/tmp/sonde_proc_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string proc = folder;
  std::filesystem::create_directories(proc + "/self/fd");
  std::ofstream(proc + "/stat") << "cpu 1 2\nbtime 1000\n";
  // Fields 14, 15 CPU ticks; 20 threads; 22 start ticks; 23 bytes; 24 pages (proc(5)).
  std::ofstream(proc + "/self/stat")
      << "7 (a) b (c) R 1 1 1 0 -1 4194304 5 0 0 0 250 150 0 0 20 0 9 0 500 4096 3 0\n";
  const test::Exposition page = page_of(proc);
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(page.value("process_cpu_seconds_total"), 400 / ticks);
  EXPECT_EQ(page.value("process_threads"), 9);
  EXPECT_EQ(page.value("process_start_time_seconds"), 1000 + 500 / ticks);
  EXPECT_EQ(page.value("process_virtual_memory_bytes"), 4096);
  EXPECT_EQ(page.value("process_resident_memory_bytes"), 3.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  std::filesystem::remove_all(proc);
}

TEST(ProcessMetrics, WithoutProcOnlyTheLimitIsLeft) {
  const test::Exposition page = page_of("/nowhere");
  ASSERT_EQ(page.samples.size(), 1U);
  EXPECT_EQ(page.samples[0].name, "process_max_fds");
}

TEST(ProgramMetrics, NameTheProgramAndItsBuild) {
  SeriesWriter writer;
  write_program_metrics("sonde-test", writer);
  const auto page = test::parse_exposition(writer.text());
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->value("sonde_build_info", {{"program", "sonde-test"}}), 1);
  EXPECT_EQ(page->find("sonde_build_info")[0].labels.size(), 5U);
  EXPECT_EQ(page->find("process_threads").size(), 1U);
}

}  // namespace
}  // namespace sonde::metrics
