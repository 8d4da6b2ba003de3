#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "exporter/collector_set.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/discovery.h"

namespace sonde::exporter {

/// The cgroup collectors over a /proc and a /sys/fs/cgroup of the test's choice, without BPF and without a
/// watch.
class CgroupScrape {
 public:
  /// `root` holds proc/ and sys/fs/cgroup/, and what runtimes keep in files.
  explicit CgroupScrape(const std::string& root, ContainerRule rule = {},
                        std::chrono::milliseconds linger = {});

  /// The page of one scrape, without the durations, which no two runs share.
  std::string page();
  std::shared_ptr<const ContainerTable> containers() { return discovery_->snapshot(); }
  [[nodiscard]] const ReadFailures& failures() const { return failures_; }

 private:
  ReadFailures failures_;
  Environment environment_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<CollectorSet> collectors_;
};

/// The lines of a page that do not begin with this.
std::string without_lines(const std::string& page, const std::string& beginning);

}  // namespace sonde::exporter
