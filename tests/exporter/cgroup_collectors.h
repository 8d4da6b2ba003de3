#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/exporter/cgroup_scrape.h"
#include "tests/identity/scratch_directory.h"
#include "tests/support/exposition.h"

namespace sonde::exporter {

inline constexpr const char* kUsage = "sonde_container_cpu_usage_seconds_total";
inline constexpr const char* kReceived = "sonde_pod_network_receive_bytes_total";
inline constexpr const char* kNetDevHeading = "Inter-| Receive | Transmit\n face |bytes\n";

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
    EXPECT_THAT(test::duplicate_series(page), testing::IsEmpty());
    const auto parsed = test::parse_exposition(page);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
    return parsed ? *parsed : test::Exposition();
  }
  static double success(const test::Exposition& page, const std::string& collector) {
    return page.value("sonde_scrape_collector_success", {{"collector", collector}});
  }

  test::ScratchDirectory scratch_;
};

}  // namespace sonde::exporter
