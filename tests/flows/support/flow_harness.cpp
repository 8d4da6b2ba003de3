#include "tests/flows/support/flow_harness.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <numeric>
#include <stdexcept>

namespace sonde::test {
namespace {

/// Adds all 64-bit counters of one struct to another's.
template <class Counters>
void add(Counters& sum, const Counters& more) {
  constexpr size_t kWords = sizeof(Counters) / sizeof(uint64_t);
  uint64_t a[kWords];
  uint64_t b[kWords];
  std::memcpy(a, &sum, sizeof a);
  std::memcpy(b, &more, sizeof b);
  for (size_t i = 0; i < kWords; ++i) a[i] += b[i];
  std::memcpy(&sum, a, sizeof a);
}

}  // namespace

uint64_t clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

FlowHarness::FlowHarness(exporter::FlowProgramOptions options, bool timed_seldom)
    : context_({}, capabilities_) {
  if (!timed_seldom) options.probe_interval = std::chrono::milliseconds(0);
  auto programs = exporter::FlowPrograms::load(context_, options);
  if (!programs) throw std::runtime_error(programs.error().message);
  programs_ = std::move(*programs);
  pairs_ = std::make_unique<exporter::PairTable>(*programs_);
}

void FlowHarness::see(const Segment& segment, uint32_t space) {
  EXPECT_EQ(run(bytes_of(segment), segment.sent, segment.segments, space), -1);
}

int FlowHarness::run(const std::string& bytes, bool sent, uint16_t segments, uint32_t space) {
  const auto descriptors = programs_->programs(space);
  if (!descriptors) throw std::runtime_error(descriptors.error().message);
  __sk_buff context{};
  context.gso_segs = segments;
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = bytes.data(),
              .data_size_in = static_cast<uint32_t>(bytes.size()), .ctx_in = &context,
              .ctx_size_in = sizeof context);
  const int status =
      bpf_prog_test_run_opts(sent ? descriptors->from_container : descriptors->to_container, &options);
  EXPECT_EQ(status, 0) << std::strerror(errno);
  return static_cast<int>(options.retval);
}

exporter::PairDelta FlowHarness::drain() {
  auto deltas = pairs_->drain(SteadyClock::now());
  if (!deltas) throw std::runtime_error(deltas.error().message);
  return take(std::move(*deltas));
}

exporter::PairDelta FlowHarness::retire() {
  return take(pairs_->retire(SteadyClock::now()));
}

exporter::PairDelta FlowHarness::take(std::vector<exporter::PairDelta> deltas) {
  deltas_ = std::move(deltas);
  exporter::PairDelta sum{};
  for (const exporter::PairDelta& delta : deltas_) {
    add(sum.traffic, delta.traffic);
    add(sum.samples, delta.samples);
  }
  return sum;
}

std::vector<exporter::FlowEntry> FlowHarness::flows() {
  auto entries = exporter::FlowTable(*programs_).read();
  if (!entries) throw std::runtime_error(entries.error().message);
  return std::move(*entries);
}

flow_state FlowHarness::only_flow() {
  const auto entries = flows();
  EXPECT_EQ(entries.size(), 1U);
  return entries.empty() ? flow_state{} : entries.front().state;
}

uint64_t FlowHarness::count(uint32_t what) {
  const auto counts = programs_->counts();
  if (!counts) throw std::runtime_error(counts.error().message);
  return counts->counts[what];
}

uint64_t count_of(const latency_histogram& histogram) {
  return std::accumulate(std::begin(histogram.buckets), std::end(histogram.buckets), uint64_t{0});
}

uint64_t count_of(const pair_samples& samples) {
  return count_of(samples.rtt) + count_of(samples.local_rtt) + count_of(samples.handshake) +
         count_of(samples.request_client) + count_of(samples.request_server);
}

}  // namespace sonde::test
