#include "tests/bpf/support/probe.h"

#include <gtest/gtest.h>

namespace sonde::test {

using exporter::BpfContext;
using exporter::Collector;

Probe::Probe(const Factory& factory, exporter::BpfOptions options)
    : context_(std::move(options), capabilities_), collector_(factory(context_)) {}

Result<Exposition> Probe::try_scrape(const exporter::ContainerTable& containers) {
  metrics::SeriesWriter writer;
  const auto deadline = SteadyClock::now() + std::chrono::seconds(10);
  if (auto collected = collector_->collect({containers, deadline}, writer); !collected) {
    return tl::unexpected<Error>(collected.error());
  }
  return parse_exposition(writer.text());
}

Exposition Probe::scrape(const exporter::ContainerTable& containers) {
  auto page = try_scrape(containers);
  EXPECT_TRUE(page.has_value()) << (page ? "" : page.error().message);
  return page ? *page : Exposition{};
}

double row_value(const Exposition& page, std::string_view metric, std::string_view container,
                 const Labels& more) {
  Labels labels = more;
  labels["container"] = container;
  return page.value(metric, labels);
}

double sum_of_rows(const Exposition& page, std::string_view metric, const Labels& labels) {
  double sum = 0;
  for (const Sample& sample : page.find(metric, labels)) sum += sample.value;
  return sum;
}

std::unique_ptr<Collector> exact_syscalls(BpfContext& context) {
  return make_syscalls_collector(context, {.mode = exporter::SyscallsMode::kExact});
}

}  // namespace sonde::test
