#include "tests/exporter/cgroup_scrape.h"

#include <gtest/gtest.h>

#include <sstream>
#include <utility>

#include "identity/runtime_state_files.h"

namespace sonde::exporter {

CgroupScrape::CgroupScrape(const std::string& root, ContainerRule rule, std::chrono::milliseconds linger) {
  environment_.roots = {root + "/proc", root + "/sys/fs/cgroup"};
  auto mounts = identity::read_cgroup_mounts(environment_.roots);
  EXPECT_TRUE(mounts.has_value());
  if (mounts) environment_.mounts = *mounts;
  environment_.read_failures = &failures_;
  std::vector<std::unique_ptr<identity::NameSource>> sources;
  sources.push_back(std::make_unique<identity::RuntimeStateFiles>(root));
  auto names = std::make_unique<identity::ContainerNames>(std::move(sources));
  environment_.node = "node-1";
  environment_.retention.linger = linger;
  DiscoveryOptions options;
  options.containers.rule = std::move(rule);
  options.containers.linger = linger;
  options.roots = environment_.roots;
  options.mounts = environment_.mounts;
  discovery_ = std::make_unique<Discovery>(std::move(options), std::move(names), nullptr);
  std::vector<CollectorSet::Member> members;
  members.push_back({"container_info", make_container_info_collector(environment_)});
  members.push_back({"cgroup_cpu", make_cgroup_cpu_collector(environment_)});
  members.push_back({"cgroup_memory", make_cgroup_memory_collector(environment_)});
  members.push_back({"cgroup_network", make_cgroup_network_collector(environment_)});
  members.push_back({"oom", make_oom_collector(environment_)});
  members.push_back({"cgroup_pressure", make_cgroup_pressure_collector(environment_)});
  members.push_back({"cgroup_io", make_cgroup_io_collector(environment_)});
  members.push_back({"cgroup_pids", make_cgroup_pids_collector(environment_)});
  collectors_ = std::make_unique<CollectorSet>(std::move(members));
}

std::string CgroupScrape::page() {
  metrics::SeriesWriter writer;
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
  collectors_->scrape([this] { return discovery_->snapshot(); }, deadline,
                      [](std::string_view) { return true; }, writer);
  failures_.write(writer);
  // When a file was written differs from checkout to checkout.
  return without_lines(without_lines(writer.take(), "sonde_scrape_collector_duration_seconds{"),
                       "sonde_container_start_time_seconds{");
}

std::string without_lines(const std::string& page, const std::string& beginning) {
  std::string kept;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(beginning)) kept += line + '\n';
  }
  return kept;
}

}  // namespace sonde::exporter
