#pragma once

#include <cstdint>
#include <string_view>

#include "exporter/bpf_context.h"

namespace sonde::test {

/// Sets the sysctl kernel.bpf_stats_enabled and puts it back at the end.
class BpfStatsEnabled {
 public:
  explicit BpfStatsEnabled(bool on);
  ~BpfStatsEnabled();
  BpfStatsEnabled(const BpfStatsEnabled&) = delete;
  BpfStatsEnabled& operator=(const BpfStatsEnabled&) = delete;

 private:
  int before_;
};

/// How often a program of one topic ran, as the kernel counts while the sysctl is on.
uint64_t run_count(const exporter::BpfContext& context, std::string_view topic, std::string_view program);

}  // namespace sonde::test
