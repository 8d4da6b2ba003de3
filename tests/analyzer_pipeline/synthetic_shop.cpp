#include "tests/analyzer_pipeline/synthetic_shop.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sonde::analyzer {
namespace {

constexpr double kRequests = 100;  // a second
constexpr double kCores = 2;
const std::string kWait = "sonde_flow_request_latency_seconds_sum";

bool of_the_pod(const std::string& metric) {
  return metric.starts_with("sonde_pod_") || metric == kWait;
}

}  // namespace

const std::vector<std::string>& SyntheticShop::containers() {
  static const std::vector<std::string> kNames = {"nginx", "haproxy", "api-1",   "api-2",
                                                  "api-3", "redis",   "postgres"};
  return kNames;
}

SyntheticShop::SyntheticShop(const ShopScenario& scenario) : scenario_(scenario), random_(scenario.seed) {
  containers_ = {
      {"nginx", "nginx", 0.0003, 3000, 12, 0.2},      {"haproxy", "haproxy", 0.0005, 3500, 15, 0.1},
      {"api-1", "api", 0.0012, 1200, 25, 2, 1.0 / 3}, {"api-2", "api", 0.0012, 1200, 25, 2, 1.0 / 3},
      {"api-3", "api", 0.0012, 1200, 25, 2, 1.0 / 3}, {"redis", "redis", 0.0001, 150, 4, 0.05},
      {"postgres", "postgres", 0.0006, 400, 10, 1.5},
  };
}

double SyntheticShop::normal() {
  return std::normal_distribution<double>(0, 1)(random_);
}

double SyntheticShop::uniform() {
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

void SyntheticShop::serve(double seconds) {
  // Wandering of load and machine: first-order processes, plus a stutter now and then in which nothing is
  // served and after which the backlog is.
  const double keep = std::exp(-seconds / 5);
  const double fresh = std::sqrt(1 - keep * keep);
  load_wander_ = keep * load_wander_ + fresh * normal();
  machine_wander_ = keep * machine_wander_ + fresh * normal();
  if (uniform() < 0.02 * seconds) stutter_seconds_ = 0.4;
  const bool later = now_ms_ >= scenario_.hog_from_ms;
  double requests = kRequests * seconds * std::max(0.2, 1 + 0.04 * load_wander_);
  if (later) requests *= scenario_.load_factor;
  if (stutter_seconds_ > 0) {
    requests *= 0.3;
    stutter_seconds_ -= seconds;
  }
  double machine = std::exp(scenario_.machine_noise * machine_wander_);
  const bool hog = later && !scenario_.hog_container.empty();
  if (hog) {
    machine *= 1.25;  // shared caches and cores
    requests *= 0.95 - 0.15 * uniform();
  }
  const bool lost = later && !scenario_.lost_container.empty();
  for (const Container& container : containers_) {
    std::map<std::string, double>& counters = counters_[container.name];
    if (lost && container.name == scenario_.lost_container) continue;
    double own = requests * container.share * (1 + 0.03 * normal());
    if (lost && container.service == "api") own *= 1.5;
    counters["sonde_container_cpu_usage_seconds_total"] += own * container.cpu_per_request * machine;
    counters["sonde_container_syscalls_total"] += own * container.syscalls_per_request;
    counters["sonde_container_page_faults_total"] += own * container.faults_per_request;
    counters["sonde_container_context_switches_total"] += own * 6 * (hog ? 2 : 1);
    counters["sonde_container_run_queue_delay_seconds_sum"] += own * 0.0001 * machine * (hog ? 20 : 1);
    counters["sonde_container_mmap_calls_total"] += own * 0.05;
    counters["sonde_container_file_opens_total"] += own * 0.02;
    counters["sonde_container_process_events_total"] += 0;
    counters["sonde_container_block_requests_total"] += container.name == "postgres" ? own * 0.05 : 0;
    for (const char* way : {"receive", "transmit"}) {
      const std::string prefix = std::string("sonde_pod_network_") + way;
      counters[prefix + "_bytes_total"] += own * container.bytes_per_request;
      counters[prefix + "_packets_total"] += own * container.bytes_per_request / 150;
    }
    if (container.name == "haproxy") {
      counters[kWait] += own * (0.002 * machine + (later ? scenario_.network_delay_seconds : 0));
    }
    memory_[container.name] += own * 20 * normal();
    if (hog && container.name == scenario_.hog_container) {
      counters["sonde_container_cpu_usage_seconds_total"] +=
          seconds * std::min(scenario_.hog_cores, kCores) * (0.85 + 0.15 * uniform());
      counters["sonde_container_context_switches_total"] += 200 * seconds;
    }
  }
  const int64_t second = now_ms_ / 1000;
  if (second % 60 < 1) {  // autovacuum
    counters_["postgres"]["sonde_container_cpu_usage_seconds_total"] += 0.08 * seconds;
    counters_["postgres"]["sonde_container_page_faults_total"] += 3000 * seconds;
    counters_["postgres"]["sonde_container_process_events_total"] += 4 * seconds;
    counters_["postgres"]["sonde_container_file_opens_total"] += 100 * seconds;
    counters_["postgres"]["sonde_container_block_requests_total"] += 60 * seconds;
  }
  if (second % 47 < 1) {  // a background save
    counters_["redis"]["sonde_container_cpu_usage_seconds_total"] += 0.05 * seconds;
    counters_["redis"]["sonde_container_page_faults_total"] += 1500 * seconds;
    counters_["redis"]["sonde_container_process_events_total"] += 2 * seconds;
    counters_["redis"]["sonde_container_block_requests_total"] += 30 * seconds;
  }
}

void SyntheticShop::record(const Container& container, const std::string& metric, double value) {
  const LabelSet labels({{"__name__", metric},
                         {"namespace", "shop"},
                         {"pod", container.name},
                         {"container", of_the_pod(metric) ? "" : container.name},
                         {"service", container.service},
                         {"role", metric == kWait ? "client" : ""},
                         {"job", "sonde-exporter"},
                         {"instance", "127.0.0.1:9756"}});
  series_[labels].push_back({kStartMs + next_scrape_ms_, value});
}

void SyntheticShop::scrape() {
  for (const Container& container : containers_) {
    const bool gone = container.name == scenario_.lost_container && now_ms_ >= scenario_.hog_from_ms;
    if (gone && counters_[container.name].empty()) continue;
    for (const auto& [metric, value] : counters_[container.name]) {
      record(container, metric, gone ? std::bit_cast<double>(kStaleNanBits) : value);
    }
    record(container, "sonde_container_memory_usage_bytes",
           gone ? std::bit_cast<double>(kStaleNanBits) : 5e7 + memory_[container.name]);
    if (gone) counters_[container.name].clear();
  }
}

void SyntheticShop::run_until(int64_t time_ms) {
  constexpr int64_t kTickMs = 100;
  while (true) {
    // The counters are read some time after the scrape's timestamp, by how busy the machine is.
    const auto delay_ms = static_cast<int64_t>(std::pow(uniform(), 4) * 300);
    if (next_scrape_ms_ + delay_ms > time_ms) return;
    while (now_ms_ < next_scrape_ms_ + delay_ms) {
      const int64_t piece = std::min(kTickMs, next_scrape_ms_ + delay_ms - now_ms_);
      serve(static_cast<double>(piece) / 1000);
      now_ms_ += piece;
    }
    if (uniform() > 0.01) scrape();  // one in a hundred is missed
    next_scrape_ms_ += kStepMs;
  }
}

Result<ReadStats> SyntheticShop::read(const ReadQuery& query, const SeriesSink& sink) {
  ReadStats stats;
  for (const auto& [labels, samples] : series_) {
    const auto begin = std::ranges::lower_bound(samples, query.start_ms, {}, &Sample::timestamp_ms);
    const auto end = std::ranges::upper_bound(samples, query.end_ms, {}, &Sample::timestamp_ms);
    if (begin == end) continue;
    sink(labels, {begin, end});
    ++stats.series;
    stats.samples += static_cast<uint64_t>(end - begin);
  }
  return stats;
}

}  // namespace sonde::analyzer
