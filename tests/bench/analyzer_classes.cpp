// Cost of telling a column's class in the tick, and of reading a model.
#include <benchmark/benchmark.h>

#include <random>

#include "analyzer/detectors/fault_class.h"

namespace sonde::analyzer {
namespace {

constexpr size_t kFeatures = 38;
constexpr size_t kClasses = 14;  ///< the source's: 3 services with 4 faults, normal, heavy workload
constexpr size_t kRows = 17'000;

/// A model of all kinds, of normal clusters in which a class has a few columns of its own.
StoredModel made_up_model() {
  Model model;
  for (size_t i = 0; i < kFeatures; ++i)
    model.features.push_back("service_feature_" + std::to_string(100 + i));
  for (size_t i = 0; i < kClasses; ++i) model.classes.push_back("service/fault-" + std::to_string(100 + i));
  LabelledRows rows{kFeatures, kClasses, {}, {}};
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise(0, 1);
  for (size_t i = 0; i < kRows; ++i) {
    const auto of_row = static_cast<uint32_t>(i % kClasses);
    for (size_t f = 0; f < kFeatures; ++f)
      rows.features.push_back((f % kClasses == of_row ? 3 : 0) + noise(random));
    rows.classes.push_back(of_row);
  }
  model.standardiser = Standardiser::fit(rows.features, kFeatures);
  model.standardiser.apply(rows.features);
  for (const ClassifierKind& kind : classifier_kinds()) model.learnt.push_back({&kind, kind.fit(rows, {})});
  model.rows = kRows;
  return {std::make_shared<const Model>(std::move(model)), "made-up", 1, {}};
}

const StoredModel& stored() {
  static const StoredModel kStored = made_up_model();
  return kStored;
}

/// Arguments: the place of the classifier in classifier_kinds().
void BM_ClassOfAColumn(benchmark::State& state) {
  FaultClassOptions options;
  options.algorithm = classifier_kinds()[static_cast<size_t>(state.range(0))].name;
  ServiceFeatures features;
  for (const std::string& name : stored().model->features) features.values[name] = 0.3;
  for (auto _ : state) benchmark::DoNotOptimize(classify_faults(stored(), features, options));
  state.SetLabel(options.algorithm);
}
BENCHMARK(BM_ClassOfAColumn)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

void BM_DecodeModel(benchmark::State& state) {
  const std::string bytes = encode_model(*stored().model);
  for (auto _ : state) benchmark::DoNotOptimize(decode_model(bytes));
  state.counters["bytes"] = static_cast<double>(bytes.size());
}
BENCHMARK(BM_DecodeModel)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sonde::analyzer
