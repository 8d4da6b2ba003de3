#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/metrics/labels.h"
#include "common/metrics/metric_row.h"

namespace sonde::metrics {

/// Writes the Prometheus text format 0.0.4. The one serialiser of every /metrics of this project.
///
///   writer.family(kSyscallsTotal);
///   for (const Container& c : containers) writer.sample(c.labels, value);
///
/// Values are written so that they read back bit-equal (shortest round-trip form; NaN, +Inf, -Inf).
/// Threads: one. Cost: about 0.05 µs a sample (docs/benchmarks.md).
class SeriesWriter {
 public:
  /// Starts a family: HELP and TYPE. Each family is started once per scrape, its samples follow at once.
  void family(const MetricRow& row);
  /// The same for a family that no MetricRow declares. `type` is the format's word, such as "summary".
  void family(std::string_view name, std::string_view type, std::string_view help);

  /// One sample of the current family. Integers up to 2^53 print without exponent.
  void sample(const Labels& labels, double value);
  /// The same with labels that differ within a row, such as event="fork".
  void sample(const Labels& labels, const Labels& more, double value);
  /// A sample without labels.
  void sample(double value);

  /// One histogram of the current family.
  /// Shape: counts.size() == upper_bounds.size() + 1; counts are per bucket (not cumulative), the last is
  /// +Inf's.
  void histogram(const Labels& labels, std::span<const double> upper_bounds, std::span<const uint64_t> counts,
                 double sum);

  /// One summary of the current family: (quantile, value) pairs, 0 to 1, then count and sum.
  void summary(const Labels& labels, std::span<const std::pair<double, double>> quantiles, uint64_t count,
               double sum);

  /// Appends what another writer holds; the two must not hold the same family.
  void append(const SeriesWriter& other);

  /// Makes room for a text of this many bytes.
  void reserve(size_t bytes);
  /// The same, and uses the memory of a text that take() gave for it, if that is large enough.
  void reserve(size_t bytes, std::string used_before);
  [[nodiscard]] std::string_view text() const { return std::string_view(buffer_).substr(0, size_); }
  [[nodiscard]] size_t sample_count() const { return sample_count_; }
  /// Takes the text out and leaves the writer empty.
  std::string take();
  /// Empties the writer but keeps its memory, for the next scrape.
  void clear();

 private:
  void line(std::string_view suffix, std::string_view labels, std::string_view more, double value);
  char* room(size_t bytes);
  void put(std::string_view text);

  std::string buffer_;  // grows in large steps; what lies behind size_ has no meaning
  size_t size_ = 0;
  std::string family_;
  size_t sample_count_ = 0;
};

}  // namespace sonde::metrics
