#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "inject/workload/workload.h"

namespace sonde::inject {

constexpr double kLowestRate = 0.1;  ///< requests per second
constexpr double kHighestRate = 10'000;
constexpr uint64_t kMostWorkers = 1000;

/// A workload as it is written on a command line or in a campaign's file.
struct WorkloadText {
  std::string url;
  double rate = 10;       ///< requests per second
  std::string steps;      ///< "30s*1,10s*2.5"; "" for none
  std::string day;        ///< a duration; "" for none
  double swing = 0.5;     ///< of the day
  uint64_t workers = 16;  ///< requests in flight at most
  std::string network_namespace;
};

/// What is wrong with one of the members, of that name.
using WorkloadComplaint = std::function<void(std::string_view member, const std::string& text)>;

/// Reads the words, complaining of each that is wrong; what it returns then is of no use.
WorkloadOptions read_workload(const WorkloadText& text, const WorkloadComplaint& complain);

}  // namespace sonde::inject
