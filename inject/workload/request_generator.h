#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"
#include "inject/workload/request_schedule.h"
#include "inject/workload/request_statistics.h"
#include "inject/workload/request_target.h"

namespace sonde::inject {

struct RequestOptions {
  RequestTarget target;
  std::string network_namespace;  ///< path such as /run/netns/shop; empty: the program's own
  unsigned workers = 16;          ///< requests in flight at most
};

/// Sends GET requests at the schedule's times and records the answers. The worker threads enter the network
/// namespace; the rest of the program stays outside, so its /metrics can be scraped from there.
class RequestGenerator {
 public:
  RequestGenerator(RequestOptions options, RequestSchedule& schedule, RequestStatistics& statistics);

  /// Starts the workers. Errors: kPermission or kNotFound where the namespace cannot be entered.
  Result<void> start();

 private:
  void work(const std::stop_token& stop, unsigned worker);

  RequestOptions options_;
  RequestSchedule& schedule_;
  RequestStatistics& statistics_;
  std::vector<std::jthread> workers_;
};

}  // namespace sonde::inject
