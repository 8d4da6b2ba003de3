#include "tests/analyzer_source/ten_kinds.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "analyzer/series/sample.h"

namespace sonde::test {
namespace {

constexpr int64_t kSpacingMs = 15'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Random = std::mt19937_64;

/// Makes the value of sample i of one series; may keep state in `last`.
using ValueMaker = double (*)(Random& random, int i, double& last);

double stale() {
  return std::bit_cast<double>(analyzer::kStaleNanBits);
}

struct Kind {
  const char* name;
  ValueMaker value;
};

constexpr Kind kKinds[] = {
    {"constant", [](Random&, int, double&) { return 42.5; }},
    {"counter",
     [](Random& random, int, double& last) { return last += static_cast<double>(random() % 1000); }},
    {"noise", [](Random& random, int, double&) { return std::normal_distribution<double>()(random); }},
    {"resets",
     [](Random& random, int, double& last) {
       last = random() % 50 == 0 ? 0 : last + static_cast<double>(random() % 100);
       return last;
     }},
    {"stale",
     [](Random& random, int i, double&) { return random() % 10 == 0 ? stale() : static_cast<double>(i); }},
    {"special",
     [](Random& random, int, double&) {
       static const double kValues[] = {kInfinity,
                                        -kInfinity,
                                        -0.0,
                                        0.0,
                                        std::numeric_limits<double>::denorm_min(),
                                        -5 * std::numeric_limits<double>::denorm_min(),
                                        std::numeric_limits<double>::max(),
                                        std::numeric_limits<double>::lowest(),
                                        std::numeric_limits<double>::min()};
       return kValues[random() % std::size(kValues)];
     }},
    // Any payload, signalling or quiet, of either sign: only remote write brings them in.
    {"nan_payload",
     [](Random& random, int, double&) {
       const uint64_t bits = (random() & 0x800FFFFFFFFFFFFFULL) | 0x7FF0000000000000ULL | 1;
       return std::bit_cast<double>(bits);
     }},
    {"any_bits", [](Random& random, int, double&) { return std::bit_cast<double>(random()); }},
    // Holes of up to an hour and deltas of a millisecond: every width of the delta of deltas, 64 bits among
    // them.
    {"time_gaps", [](Random& random, int, double&) { return static_cast<double>(random() % 8); }},
    {"sine", [](Random&, int i, double&) { return 100 * std::sin(i / 20.0); }},
};

int64_t next_spacing(const Kind& kind, Random& random) {
  if (std::string_view(kind.name) != "time_gaps")
    return kSpacingMs + static_cast<int64_t>(random() % 21) - 10;
  constexpr int64_t kSpacings[] = {1, 7'000, 15'000, 15'001, 60'000, 300'000};
  // One long hole in 600 samples: the second difference exceeds the 20 bits of the widest short form.
  if (random() % 600 == 0) return 3'000'000 + static_cast<int64_t>(random() % 500'000);
  return kSpacings[random() % (random() % 8 == 0 ? std::size(kSpacings) : 4)];
}

WrittenSeries make_series(const Kind& kind, int number, int samples, int64_t end_ms) {
  // Seeds by place in the table, so that each kind's data do not change with another's.
  Random random(static_cast<uint64_t>(&kind - kKinds) * 1'000'003 + static_cast<uint64_t>(number));
  WrittenSeries series;
  series.labels = {
      {"__name__", "sonde_test_data"}, {"instance", "host-" + std::to_string(number)}, {"kind", kind.name}};
  double last = static_cast<double>(random() % 1'000'000);
  int64_t timestamp_ms = 0;
  for (int i = 0; i < samples; ++i) {
    series.samples.push_back({timestamp_ms, kind.value(random, i, last)});
    timestamp_ms += next_spacing(kind, random);
  }
  const int64_t shift_ms =
      end_ms - series.samples.back().timestamp_ms - static_cast<int64_t>(random() % 1000);
  for (WrittenSample& sample : series.samples) sample.timestamp_ms += shift_ms;
  return series;
}

}  // namespace

const std::vector<std::string>& data_kinds() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Kind& kind : kKinds) names.emplace_back(kind.name);
    return names;
  }();
  return kNames;
}

std::vector<WrittenSeries> make_ten_kinds(int per_kind, int samples, int64_t end_ms) {
  std::vector<WrittenSeries> all;
  for (const Kind& kind : kKinds) {
    for (int number = 0; number < per_kind; ++number)
      all.push_back(make_series(kind, number, samples, end_ms));
  }
  return all;
}

}  // namespace sonde::test
