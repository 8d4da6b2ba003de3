// Cost of a tick without its read: 1,000 containers × 20 quantities, 250 services of 4 replicas.
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "analyzer/detectors/detector_table.h"
#include "analyzer/pipeline/analysis.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kContainers = 1000;
constexpr size_t kQuantities = 20;
constexpr int64_t kStep = 2000;

/// Frames of noise, shifted by one column at each call.
class Fleet1000 {
 public:
  Fleet1000() {
    for (size_t c = 0; c < kContainers; ++c) {
      const std::string service = "s" + std::to_string(c / 4);
      const std::string name = service + "-" + std::to_string(c % 4);
      entities_.push_back({"shop", name, name, service});
    }
    for (size_t q = 0; q < kQuantities; ++q) {
      const std::string quantity = "q" + std::to_string(q);
      traits_[quantity].floor = 0.01;
      Frame& frame = frames_[quantity];
      frame.step_ms = kStep;
      frame.columns = 40;
      frame.values.resize(kContainers * frame.columns);
      for (double& value : frame.values) value = normal_(random_);
      for (const Entity& entity : entities_) {
        frame.series.push_back(LabelSet({{"__name__", quantity}, {"container", entity.container}}));
      }
    }
  }
  DetectorInput next() {
    now_ += kStep;
    for (auto& [quantity, frame] : frames_) {
      for (size_t row = 0; row < kContainers; ++row) frame.row(row).back() = normal_(random_);
    }
    return {entities_, frames_, none_, no_frames_, traits_, now_};
  }

 private:
  std::mt19937 random_{1};
  std::normal_distribution<double> normal_;
  std::vector<Entity> entities_;
  std::map<std::string, Frame> frames_;
  std::vector<Entity> none_;
  std::map<std::string, Frame> no_frames_;
  std::map<std::string, QuantityTraits> traits_;
  int64_t now_ = 0;
};

template <class Made>
void run_detector(benchmark::State& state, Made& detector, int warm_up) {
  Fleet1000 fleet;
  for (int i = 0; i < warm_up; ++i) detector.evaluate(fleet.next());
  for (auto _ : state) {
    state.PauseTiming();
    const DetectorInput input = fleet.next();
    state.ResumeTiming();
    benchmark::DoNotOptimize(detector.evaluate(input));
  }
}

void BM_ZscoreTick(benchmark::State& state) {
  ZscoreDetector detector({});
  run_detector(state, detector, 100);
}
BENCHMARK(BM_ZscoreTick)->Unit(benchmark::kMillisecond);

void BM_ReplicaTick(benchmark::State& state) {
  ReplicaDetector detector({});
  run_detector(state, detector, 1);
}
BENCHMARK(BM_ReplicaTick)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::analyzer
