#pragma once

#include <string_view>

namespace sonde::metrics {

enum class MetricType { kCounter, kGauge, kHistogram };

/// One metric, declared once: the exposition's HELP and TYPE and the generated docs/metrics.md come from
/// here.
struct MetricRow {
  std::string_view name;  ///< full name; counters end in _total, metadata in _info
  MetricType type;
  std::string_view unit;    ///< base unit as the name says it: seconds, bytes, ratio, or "" for plain counts
  std::string_view labels;  ///< comma-separated, in the order they are written
  std::string_view help;    ///< one sentence; the documentation's text too
};

}  // namespace sonde::metrics
