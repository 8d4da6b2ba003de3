// What a dry run promises of training rows, against what the dataset keeps of such an injection.
#include <gtest/gtest.h>

#include <algorithm>

#include "analyzer/config/config.h"
#include "analyzer/training/build_dataset.h"
#include "inject/campaign/training_rows.h"
#include "tests/analyzer_pipeline/synthetic_shop.h"

namespace sonde::inject {
namespace {

using analyzer::SyntheticShop;
using std::chrono::milliseconds;

constexpr milliseconds kStep(SyntheticShop::kStepMs);
constexpr milliseconds kProof(1900);  // no more than a step
constexpr milliseconds kFirst(60'000);

/// Two injections of the same length, a pause between them; the injector is scraped every step, `phase` later
/// than the shop.
class DisturbedShop : public analyzer::Source {
 public:
  DisturbedShop(milliseconds phase, milliseconds injection, milliseconds pause)
      : phase_(phase), injection_(injection), pause_(pause) {
    shop_.run_until(end().count());
  }
  [[nodiscard]] milliseconds second() const { return kFirst + injection_ + pause_; }
  [[nodiscard]] milliseconds end() const { return second() + injection_ + milliseconds(60'000); }

  Result<analyzer::ReadStats> read(const analyzer::ReadQuery& query,
                                   const analyzer::SeriesSink& sink) override {
    read_state("sonde_fault_in_place", milliseconds(0), query, sink);
    read_state("sonde_fault_active", kProof, query, sink);
    return shop_.read(query, sink);
  }

 private:
  void read_state(const char* name, milliseconds late, const analyzer::ReadQuery& query,
                  const analyzer::SeriesSink& sink) const {
    std::vector<analyzer::Sample> samples;
    for (milliseconds time = phase_; time < end(); time += kStep) {
      const int64_t time_ms = SyntheticShop::kStartMs + time.count();
      if (time_ms < query.start_ms || time_ms > query.end_ms) continue;
      const auto is_in = [&](milliseconds begin) {
        return time >= begin + late && time < begin + injection_;
      };
      samples.push_back({time_ms, is_in(kFirst) || is_in(second()) ? 1.0 : 0.0});
    }
    if (samples.empty()) return;
    sink(analyzer::LabelSet(
             {{"__name__", name}, {"namespace", "shop"}, {"service", "postgres"}, {"fault", "cpu"}}),
         samples);
  }

  milliseconds phase_;
  milliseconds injection_;
  milliseconds pause_;
  SyntheticShop shop_{{.seed = 3}};
};

/// Where within a step the injector is scraped, the lengths of injection and pause.
struct Times {
  int phase;
  int injection;
  int pause;
};

class DatasetRows : public testing::TestWithParam<Times> {};

TEST_P(DatasetRows, AreAtLeastThoseOfTheDryRunAndHardlyMore) {
  const milliseconds injection(GetParam().injection);
  const milliseconds pause(GetParam().pause);
  DisturbedShop source(milliseconds(GetParam().phase), injection, pause);
  const auto mapper = analyzer::MetricMapper::compile(analyzer::default_config().metric_map).value();
  analyzer::DatasetOptions options;
  options.from_ms = SyntheticShop::kStartMs + 20'000;
  options.to_ms = SyntheticShop::kStartMs + source.end().count();
  options.step_ms = kStep.count();
  options.presence = 0.9;
  const auto dataset = analyzer::build_dataset(source, mapper, options);
  ASSERT_TRUE(dataset) << dataset.error().message;
  const auto faulty = static_cast<size_t>(std::ranges::count(dataset->table.labels, "postgres/cpu"));
  size_t quiet = 0;
  for (size_t row = 0; row < dataset->times_ms.size(); ++row) {
    const milliseconds time(dataset->times_ms[row] - SyntheticShop::kStartMs);
    const bool between = time >= kFirst + injection && time < source.second();
    quiet += between && dataset->table.labels[row] == "normal" ? 1 : 0;
  }
  EXPECT_GE(faulty, 2 * rows_of_fault(injection, kStep));
  EXPECT_LE(faulty, 2 * (rows_of_fault(injection, kStep) + 3));
  EXPECT_GE(quiet, rows_of_pause(pause, kStep));
  EXPECT_LE(quiet, rows_of_pause(pause, kStep) + 3);
}

INSTANTIATE_TEST_SUITE_P(Phases, DatasetRows,
                         testing::Values(Times{0, 60'000, 30'000}, Times{1, 60'000, 30'000},
                                         Times{500, 31'000, 41'300}, Times{900, 60'700, 29'300},
                                         Times{1300, 14'000, 16'000}, Times{1999, 45'999, 33'999}));

}  // namespace
}  // namespace sonde::inject
