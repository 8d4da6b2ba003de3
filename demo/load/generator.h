#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"
#include "demo/load/schedule.h"
#include "demo/load/statistics.h"

namespace sonde::demo {

struct GeneratorOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
  std::string network_namespace;  ///< path such as /run/netns/shop; empty: the program's own
  unsigned items = 500;           ///< ids 1 to items are asked for, all alike often
  unsigned workers = 16;          ///< requests in flight at most
};

/// Sends GET /item?id=… at the schedule's times and records the answers. The worker threads enter the network
/// namespace; the rest of the program stays outside, so its /metrics can be scraped from there.
class Generator {
 public:
  Generator(GeneratorOptions options, Schedule& schedule, Statistics& statistics);

  /// Starts the workers. Errors: kPermission or kNotFound where the namespace cannot be entered.
  Result<void> start();

 private:
  void work(const std::stop_token& stop, unsigned worker);

  GeneratorOptions options_;
  Schedule& schedule_;
  Statistics& statistics_;
  std::vector<std::jthread> workers_;
};

}  // namespace sonde::demo
