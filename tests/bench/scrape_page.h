#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "common/metrics/labels.h"
#include "common/metrics/series_writer.h"

namespace sonde::bench {

/// The page that scrape benchmarks build: one gauge of 20,000 series with four labels and values of 15
/// significant digits, about 150 bytes a series. Values differ from scrape to scrape, as a live program's do.
class ScrapePage {
 public:
  static constexpr size_t kSeries = 20000;
  static constexpr metrics::MetricRow kRow{"sonde_bench_memory_working_set_bytes",
                                           metrics::MetricType::kGauge, "bytes",
                                           "namespace,pod,container,service", "A benchmark's series."};

  ScrapePage();

  /// Writes the page of the given scrape.
  void write(size_t scrape, metrics::SeriesWriter& writer) const;

  /// The i-th value of that scrape.
  [[nodiscard]] double value(size_t scrape, size_t i) const { return values_[(i + scrape * 7919) % kSeries]; }
  /// (label, value) pairs of the i-th series, for other libraries.
  [[nodiscard]] static std::array<std::pair<std::string, std::string>, 4> label_pairs(size_t i);

 private:
  std::vector<metrics::Labels> labels_;
  std::vector<double> values_;
};

}  // namespace sonde::bench
