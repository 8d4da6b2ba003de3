#include "exporter/collector_set.h"

#include <algorithm>
#include <array>

#include "common/log.h"

namespace sonde::exporter {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kDuration{"sonde_scrape_collector_duration_seconds", MetricType::kGauge, "seconds",
                              "collector", "How long the collector took, or was waited for."};
constexpr MetricRow kSuccess{"sonde_scrape_collector_success", MetricType::kGauge, "", "collector",
                             "1 if the collector's metrics are in this scrape, else 0."};
constexpr MetricRow kBusy{
    "sonde_scrape_collector_busy", MetricType::kGauge, "", "collector",
    "1 if an earlier call of the collector has passed its deadline and not returned, so that "
    "it was skipped, else 0."};
constexpr std::array kRows{kDuration, kSuccess, kBusy};

/// What one collector contributed to a scrape.
struct Line {
  std::string name;
  CollectorJob::Outcome outcome;
  bool busy = false;
};

}  // namespace

CollectorSet::CollectorSet(std::vector<Member> members) {
  for (Member& member : members) {
    workers_.push_back(
        std::make_unique<CollectorWorker>(std::move(member.name), std::move(member.collector)));
  }
}

CollectorSet::~CollectorSet() = default;

std::shared_ptr<const ContainerTable> CollectorSet::scrape(const ContainerSource& containers_now,
                                                           SteadyTime deadline, const CollectorFilter& wanted,
                                                           metrics::SeriesWriter& writer) {
  std::vector<std::pair<CollectorWorker*, std::shared_ptr<CollectorJob>>> jobs;
  std::unique_lock in_order(order_);
  std::shared_ptr<const ContainerTable> containers = containers_now();
  for (const auto& worker : workers_) {
    if (wanted(worker->name())) jobs.emplace_back(worker.get(), worker->submit(containers, deadline));
  }
  in_order.unlock();

  std::vector<Line> lines;
  for (const auto& [worker, job] : jobs) {
    Line line{worker->name(), {}, job == nullptr};
    if (job) {
      line.outcome = job->wait();
    } else {
      line.outcome.error = "an earlier call has not returned";
    }
    report_change(line.name, line.outcome.error);
    if (line.outcome.error.empty()) writer.append(line.outcome.output);
    line.outcome.output = {};  // the next collector's text can take its place
    lines.push_back(std::move(line));
  }

  const auto write = [&](const MetricRow& row, const auto& value_of) {
    writer.family(row);
    for (const Line& line : lines) writer.sample({{"collector", line.name}}, value_of(line));
  };
  write(kDuration, [](const Line& line) { return line.outcome.duration.count(); });
  write(kSuccess, [](const Line& line) { return line.outcome.error.empty() ? 1.0 : 0.0; });
  write(kBusy, [](const Line& line) { return line.busy ? 1.0 : 0.0; });
  return containers;
}

void CollectorSet::report_change(const std::string& name, const std::string& error) {
  const std::lock_guard lock(mutex_);
  std::string& last = errors_[name];
  if (last.empty() == error.empty()) return;
  last = error;
  if (error.empty()) {
    log::info("collector works again", {{"collector", name}});
  } else {
    log::warning("collector failed, its metrics are missing", {{"collector", name}, {"error", error}});
  }
}

bool CollectorSet::contains(std::string_view name) const {
  return std::ranges::any_of(workers_, [&](const auto& worker) { return worker->name() == name; });
}

std::string CollectorSet::names() const {
  std::string names;
  for (const auto& worker : workers_) names += (names.empty() ? "" : ", ") + worker->name();
  return names;
}

bool CollectorSet::stop(SteadyClock::duration patience) {
  const SteadyTime deadline = SteadyClock::now() + patience;
  bool all = true;
  for (const auto& worker : workers_) all &= worker->stop(deadline);
  return all;
}

std::span<const MetricRow> CollectorSet::metrics() {
  return kRows;
}

}  // namespace sonde::exporter
