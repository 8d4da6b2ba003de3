#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "exporter/bpf_collectors.h"
#include "tests/bpf/support/test_cgroup.h"
#include "tests/support/exposition.h"

namespace sonde::test {

using Labels = std::map<std::string, std::string>;

/// One collector with a context of its own, scraped as /metrics would.
class Probe {
 public:
  using Factory = std::function<std::unique_ptr<exporter::Collector>(exporter::BpfContext&)>;

  Probe(const Factory& factory, exporter::BpfOptions options = {});

  /// Scrapes; a failed collect fails the test and gives an empty page.
  Exposition scrape(const exporter::ContainerTable& containers);
  /// What collect() returns.
  Result<Exposition> try_scrape(const exporter::ContainerTable& containers);

  exporter::CapabilityTable& capabilities() { return capabilities_; }
  exporter::BpfContext& context() { return context_; }

 private:
  exporter::CapabilityTable capabilities_;
  exporter::BpfContext context_;
  std::unique_ptr<exporter::Collector> collector_;
};

/// The value of a cgroup's row, or of the host's for "".
double row_value(const Exposition& page, std::string_view metric, std::string_view container,
                 const Labels& more = {});

/// The sum over all rows of a metric.
double sum_of_rows(const Exposition& page, std::string_view metric, const Labels& labels = {});

/// A syscalls collector in mode exact.
std::unique_ptr<exporter::Collector> exact_syscalls(exporter::BpfContext& context);

}  // namespace sonde::test
