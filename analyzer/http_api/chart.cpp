#include "analyzer/http_api/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/markup.h"

namespace sonde::analyzer {
namespace {

constexpr double kWidth = 360;
constexpr double kHeight = 90;
constexpr double kTop = 14;  // room for the text above

struct Range {
  double low = 0;
  double high = 1;

  [[nodiscard]] double y(double value) const {
    return kTop + (kHeight - kTop) * (1 - (value - low) / (high - low));
  }
};

Range range_of(const Evidence& evidence) {
  Range range{std::min(0.0, evidence.expected), std::max(0.0, evidence.expected)};
  for (const double point : evidence.points) {
    if (std::isnan(point)) continue;
    range.low = std::min(range.low, point);
    range.high = std::max(range.high, point);
  }
  if (!(range.high > range.low)) range.high = range.low + 1;
  return range;
}

/// The points as one path; a gap lifts the pen.
std::string path_of(const Evidence& evidence, const Range& range) {
  std::string path;
  const auto last = static_cast<double>(std::max<size_t>(evidence.points.size() - 1, 1));
  bool drawing = false;
  for (size_t i = 0; i < evidence.points.size(); ++i) {
    const double point = evidence.points[i];
    if (std::isnan(point)) {
      drawing = false;
      continue;
    }
    path += fmt::format("{}{:.1f} {:.1f}", drawing ? "L" : "M", kWidth * static_cast<double>(i) / last,
                        range.y(point));
    drawing = true;
  }
  return path;
}

}  // namespace

std::string evidence_chart(const Evidence& evidence) {
  if (evidence.points.empty()) return "";
  const Range range = range_of(evidence);
  const double span =
      static_cast<double>(evidence.step_ms) * static_cast<double>(evidence.points.size() - 1) / 1000;
  return fmt::format(
      "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\">"
      "<path d=\"M0 {3:.1f}H{0}\" class=\"expected\"/><path d=\"{4}\" class=\"line\"/>"
      "<text x=\"2\" y=\"10\">{5:.3g} {6}</text><text x=\"{7}\" y=\"10\" text-anchor=\"end\">last {8:.0f} s"
      "</text></svg>",
      kWidth, kHeight, escape_markup(evidence.quantity), range.y(evidence.expected), path_of(evidence, range),
      range.high, escape_markup(evidence.unit), kWidth - 2, span);
}

}  // namespace sonde::analyzer
