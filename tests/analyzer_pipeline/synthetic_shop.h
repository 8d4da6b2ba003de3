#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/report/report.h"
#include "analyzer/series/label_set.h"
#include "analyzer/series/sample.h"
#include "analyzer/source/source.h"

namespace sonde::analyzer {

/// What goes on in the shop besides serving requests.
struct ShopScenario {
  unsigned seed = 1;
  std::string hog_container{};  ///< "" for none
  double hog_cores = 1;
  int64_t hog_from_ms = 0;           ///< since the shop's start; where the load changes too
  double load_factor = 1;            ///< from then on
  std::string lost_container{};      ///< vanishes then, with a staleness marker
  double network_delay_seconds = 0;  ///< that requests to the api replicas take longer from then on
  double machine_noise = 0.25;       ///< how much the CPU time of a request wanders for all containers alike
};

/// A shop as sonde-exporter would measure it: nginx → haproxy → three api replicas → redis, postgres, at
/// about 100 requests/s on two noisy cores, scraped every 2 s. Made up in every number; what is modelled is
/// what leads detectors astray: load that stutters for all, a machine that is slower at times, counters read
/// up to 0.3 s after the scrape's timestamp, autovacuum, background saves, missed scrapes, victims of a hog.
///
/// Also a Source: read() returns what was scraped by the end of the query.
class SyntheticShop : public Source {
 public:
  static constexpr int64_t kStepMs = 2000;
  static constexpr int64_t kStartMs = 1'700'000'000'000;
  static const std::vector<std::string>& containers();

  explicit SyntheticShop(const ShopScenario& scenario);

  /// Scrapes until `time_ms` since the start.
  void run_until(int64_t time_ms);

  Result<ReadStats> read(const ReadQuery& query, const SeriesSink& sink) override;

 private:
  struct Container {
    std::string name;
    std::string service;
    double cpu_per_request;
    double bytes_per_request;
    double syscalls_per_request;
    double faults_per_request;
    double share = 1;  ///< of the shop's requests
  };

  void scrape();
  void serve(double seconds);
  void record(const Container& container, const std::string& metric, double value);
  double normal();
  double uniform();

  ShopScenario scenario_;
  std::mt19937_64 random_;
  std::vector<Container> containers_;
  std::map<std::string, std::map<std::string, double>> counters_;  ///< container → metric
  std::map<LabelSet, std::vector<Sample>> series_;
  std::map<std::string, double> memory_;
  int64_t now_ms_ = 0;  ///< since the start, the time up to which counters stand
  int64_t next_scrape_ms_ = 700;
  double load_wander_ = 0;
  double machine_wander_ = 0;
  double stutter_seconds_ = 0;
};

}  // namespace sonde::analyzer
