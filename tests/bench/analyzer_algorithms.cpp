// Cost of the analyzer's arithmetic.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "analyzer/algorithms/dtw.h"
#include "analyzer/algorithms/replica_distance.h"
#include "analyzer/algorithms/z_score.h"

namespace sonde::analyzer {
namespace {

std::vector<double> noise(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(count);
  for (double& value : values) value = normal(generator);
  return values;
}

void BM_Dtw(benchmark::State& state) {
  const auto length = static_cast<size_t>(state.range(0));
  const std::vector<double> a = noise(length, 1);
  const std::vector<double> b = noise(length, 2);
  for (auto _ : state) benchmark::DoNotOptimize(dtw_squared(a, b));
  state.counters["ns_per_cell"] =
      benchmark::Counter(static_cast<double>(length * length) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Dtw)->Arg(20)->Arg(240)->Arg(1440);

void BM_ReplicaDistances(benchmark::State& state) {
  const auto replicas = static_cast<size_t>(state.range(0));
  const std::vector<double> windows = noise(replicas * 20, 3);
  for (auto _ : state) {
    std::vector<double> copy = windows;
    normalise_together(copy, replicas, {.relative = 0.02, .absolute = 0.01});
    benchmark::DoNotOptimize(mean_distances(copy, replicas));
  }
}
BENCHMARK(BM_ReplicaDistances)->Arg(3)->Arg(10)->Arg(50);

void BM_EstimateBaseline(benchmark::State& state) {
  const std::vector<double> values = noise(static_cast<size_t>(state.range(0)), 4);
  std::vector<double> scratch;
  for (auto _ : state) {
    scratch = values;
    benchmark::DoNotOptimize(estimate_baseline(scratch, {.relative = 0.02, .absolute = 0.01}));
  }
}
BENCHMARK(BM_EstimateBaseline)->Arg(45)->Arg(300);

}  // namespace
}  // namespace sonde::analyzer
