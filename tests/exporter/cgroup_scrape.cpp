#include "tests/exporter/cgroup_scrape.h"

#include <gtest/gtest.h>

#include <sstream>
#include <utility>

namespace sonde::exporter {

CgroupScrape::CgroupScrape(const std::string& root, ContainerRule rule) {
  environment_.roots = {root + "/proc", root + "/sys/fs/cgroup"};
  auto mounts = identity::read_cgroup_mounts(environment_.roots);
  EXPECT_TRUE(mounts.has_value());
  if (mounts) environment_.mounts = *mounts;
  environment_.read_failures = &failures_;
  DiscoveryOptions options;
  options.roots = environment_.roots;
  options.mounts = environment_.mounts;
  discovery_ = std::make_unique<Discovery>(options, std::move(rule), nullptr);
  std::vector<CollectorSet::Member> members;
  members.push_back({"cgroup_cpu", make_cgroup_cpu_collector(environment_)});
  members.push_back({"cgroup_memory", make_cgroup_memory_collector(environment_)});
  members.push_back({"cgroup_network", make_cgroup_network_collector(environment_)});
  members.push_back({"oom", make_oom_collector(environment_)});
  collectors_ = std::make_unique<CollectorSet>(std::move(members));
}

std::string CgroupScrape::page() {
  metrics::SeriesWriter writer;
  const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
  collectors_->scrape(discovery_->snapshot(), deadline, [](std::string_view) { return true; }, writer);
  failures_.write(writer);
  return without_lines(writer.take(), "sonde_scrape_collector_duration_seconds{");
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
