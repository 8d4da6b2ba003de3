#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"

namespace sonde::test {

/// A series and how it must grow in a run.
struct Expectation {
  std::string metric;
  Labels labels{};          ///< beside the container's
  uint64_t each = 1;        ///< events of one repetition
  uint64_t own_events = 0;  ///< the worker's own, in each run
};

/// A known number of events and the series that must show them.
struct Workload {
  std::string name;
  Probe::Factory collector;
  Task task;
  std::vector<Expectation> expectations;
  uint64_t many = 100'000;  ///< repetitions of the large case
  bool on_v2_too = true;    ///< whether the choice of the tasks' hierarchy matters to it
  bool compat = false;      ///< whether it makes 32-bit system calls, which a kernel may have switched off
};

const std::vector<Workload>& workloads();

/// Runs a process whose first thread has waited often when the second one calls exec.
void exec_from_a_thread();

}  // namespace sonde::test
