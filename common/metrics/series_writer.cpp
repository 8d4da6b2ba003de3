#include "common/metrics/series_writer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>

#include "common/metrics/escape.h"

namespace sonde::metrics {
namespace {

std::string_view type_word(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

constexpr size_t kLongestNumber = 32;
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

/// Writes the shortest text that reads back as the same double; returns one past its end.
char* write_number(char* out, double value) {
  if (std::isnan(value)) return std::copy_n("NaN", 3, out);
  if (std::isinf(value)) return std::copy_n(value > 0 ? "+Inf" : "-Inf", 4, out);
  if (std::fabs(value) < kExactIntegers && value == std::trunc(value) &&
      !(value == 0 && std::signbit(value))) {
    return std::to_chars(out, out + kLongestNumber, static_cast<int64_t>(value)).ptr;
  }
  return std::to_chars(out, out + kLongestNumber, value).ptr;
}

/// A label whose value is a number: `le="0.5"`.
class NumberLabel {
 public:
  NumberLabel(std::string_view name, double value) {
    char* out = std::copy(name.begin(), name.end(), text_.data());
    *out++ = '=';
    *out++ = '"';
    out = write_number(out, value);
    *out++ = '"';
    size_ = static_cast<size_t>(out - text_.data());
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, kLongestNumber + 16> text_{};
  size_t size_ = 0;
};

}  // namespace

void SeriesWriter::family(const MetricRow& row) {
  family(row.name, type_word(row.type), row.help);
}

void SeriesWriter::family(std::string_view name, std::string_view type, std::string_view help) {
  family_ = name;
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  append_help(text_, help);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += type;
  text_ += '\n';
}

void SeriesWriter::line(std::string_view suffix, std::string_view labels, std::string_view more,
                        double value) {
  assert(!family_.empty());
  const size_t start = text_.size();
  text_.resize(start + family_.size() + suffix.size() + labels.size() + more.size() + 5 + kLongestNumber);
  char* out = text_.data() + start;
  const auto put = [&out](std::string_view piece) { out = std::copy(piece.begin(), piece.end(), out); };
  put(family_);
  put(suffix);
  if (!labels.empty() || !more.empty()) {
    *out++ = '{';
    put(labels);
    if (!labels.empty() && !more.empty()) *out++ = ',';
    put(more);
    *out++ = '}';
  }
  *out++ = ' ';
  out = write_number(out, value);
  *out++ = '\n';
  text_.resize(static_cast<size_t>(out - text_.data()));
  ++sample_count_;
}

void SeriesWriter::sample(const Labels& labels, double value) {
  line("", labels.text(), "", value);
}

void SeriesWriter::sample(const Labels& labels, const Labels& more, double value) {
  line("", labels.text(), more.text(), value);
}

void SeriesWriter::sample(double value) {
  line("", "", "", value);
}

void SeriesWriter::histogram(const Labels& labels, std::span<const double> upper_bounds,
                             std::span<const uint64_t> counts, double sum) {
  assert(counts.size() == upper_bounds.size() + 1);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const NumberLabel le("le", i < upper_bounds.size() ? upper_bounds[i] : HUGE_VAL);
    line("_bucket", labels.text(), le.text(), static_cast<double>(cumulative));
  }
  line("_sum", labels.text(), "", sum);
  line("_count", labels.text(), "", static_cast<double>(cumulative));
}

void SeriesWriter::summary(const Labels& labels, std::span<const std::pair<double, double>> quantiles,
                           uint64_t count, double sum) {
  for (const auto& [quantile, value] : quantiles) {
    line("", labels.text(), NumberLabel("quantile", quantile).text(), value);
  }
  line("_sum", labels.text(), "", sum);
  line("_count", labels.text(), "", static_cast<double>(count));
}

void SeriesWriter::append(const SeriesWriter& other) {
  text_ += other.text_;
  sample_count_ += other.sample_count_;
}

std::string SeriesWriter::take() {
  std::string taken = std::move(text_);
  clear();
  return taken;
}

void SeriesWriter::clear() {
  text_.clear();
  family_.clear();
  sample_count_ = 0;
}

}  // namespace sonde::metrics
