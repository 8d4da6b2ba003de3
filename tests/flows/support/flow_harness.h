#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exporter/flows/flow_programs.h"
#include "exporter/flows/flow_table.h"
#include "exporter/flows/pair_table.h"
#include "tests/flows/support/segment.h"

namespace sonde::test {

/// CLOCK_MONOTONIC in ns, as the programs read it.
uint64_t clock_ns();

/// The programs of bpf/flow_rtt, given packets by hand (BPF_PROG_TEST_RUN); attached nowhere.
class FlowHarness {
 public:
  /// Every segment may be timed, however soon after another, unless `timed_seldom`.
  explicit FlowHarness(exporter::FlowProgramOptions options = {}, bool timed_seldom = false);

  /// Shows a packet to the program of its direction. Fails the test unless the program leaves it to others.
  void see(const Segment& segment, uint32_t space = 0);
  /// The same with bytes of any kind, at least an Ethernet header. Returns what the program returned.
  int run(const std::string& bytes, bool sent, uint16_t segments = 0, uint32_t space = 0);

  /// What was counted since the last call, of all pairs together; deltas() tells of each.
  exporter::PairDelta drain();
  /// Makes room as PairTable::retire() does; what was counted since the last drain().
  exporter::PairDelta retire();
  /// The deltas of the last drain() or retire(), by interface, space and remote.
  [[nodiscard]] const std::vector<exporter::PairDelta>& deltas() const { return deltas_; }

  /// The only flow in the table; fails the test if there is another number of them.
  flow_state only_flow();
  std::vector<exporter::FlowEntry> flows();
  /// One of enum flow_count, since the start.
  uint64_t count(uint32_t what);
  uint64_t not_parsed(uint32_t result) { return count(SONDE_FLOW_NOT_PARSED + result); }

  exporter::FlowPrograms& programs() { return *programs_; }
  exporter::PairTable& pairs() { return *pairs_; }

 private:
  exporter::PairDelta take(std::vector<exporter::PairDelta> deltas);

  exporter::CapabilityTable capabilities_;
  exporter::BpfContext context_;
  std::unique_ptr<exporter::FlowPrograms> programs_;
  std::unique_ptr<exporter::PairTable> pairs_;
  std::vector<exporter::PairDelta> deltas_;
};

/// Times in a histogram.
uint64_t count_of(const latency_histogram& histogram);
/// Samples of every kind.
uint64_t count_of(const pair_samples& samples);

}  // namespace sonde::test
