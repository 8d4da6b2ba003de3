#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analyzer/evaluation/classify_report.h"
#include "common/markup.h"

namespace sonde::analyzer {
namespace {

// Pixels.
constexpr size_t kCell = 44;
constexpr size_t kTop = 64;  ///< the title and what the columns are
constexpr size_t kGap = 8;
constexpr size_t kLetter = 7;  ///< of a 12-pixel sans-serif, about

/// White for no rows to dark blue for all rows of the class; wrong ones to dark red.
std::string colour(double share, bool right) {
  const auto faded = [&](int full) { return static_cast<int>(std::lround(255 - share * (255 - full))); };
  return right ? fmt::format("rgb({},{},{})", faded(20), faded(83), faded(136))
               : fmt::format("rgb({},{},{})", faded(165), faded(30), faded(30));
}

}  // namespace

std::string confusion_svg(const ClassifyOutcome& outcome, const ClassifierOutcome& classifier) {
  const size_t classes = outcome.classes.size();
  size_t longest = 0;
  for (const std::string& label : outcome.classes) longest = std::max(longest, label.size());
  const size_t left = longest * kLetter + 2 * kGap;
  const size_t width = left + classes * kCell + left / 2 + kGap;  // the last column's slanted name
  const size_t first_row = kTop + longest * kLetter * 3 / 4 + kGap;
  const size_t height = first_row + classes * kCell + kGap;

  std::string svg;
  const auto out = std::back_inserter(svg);
  fmt::format_to(
      out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"24\" font-size=\"16\">{3}: macro F1 {4:.3f}, {5} rows</text>\n"
      "<text x=\"{2}\" y=\"44\" fill=\"#555\">rows: true class; columns: what was told; share of the true "
      "class in colour</text>\n",
      width, height, kGap, escape_markup(classifier.kind->title), classifier.report.macro.f1,
      outcome.test_rows);
  for (size_t i = 0; i < classes; ++i) {
    const std::string label = escape_markup(outcome.classes[i]);
    const size_t x = left + i * kCell + kCell / 2;
    fmt::format_to(out, "<text transform=\"translate({},{}) rotate(-45)\">{}</text>\n", x, first_row - kGap,
                   label);
    const size_t y = first_row + i * kCell + kCell / 2 + 4;
    fmt::format_to(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", left - kGap, y, label);
    const size_t support = classifier.report.classes[i].support;
    for (size_t j = 0; j < classes; ++j) {
      const size_t rows = classifier.report.confusion[i * classes + j];
      const double share = support == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(support);
      fmt::format_to(out,
                     "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" stroke=\"#ddd\"/>\n",
                     left + j * kCell, first_row + i * kCell, kCell, kCell, colour(share, i == j));
      if (rows == 0) continue;
      fmt::format_to(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text>\n",
                     left + j * kCell + kCell / 2, y, share > 0.5 ? "white" : "black", rows);
    }
  }
  return svg + "</svg>\n";
}

}  // namespace sonde::analyzer
