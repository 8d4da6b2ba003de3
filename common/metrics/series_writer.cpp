#include "common/metrics/series_writer.h"

#include <sys/mman.h>

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
constexpr size_t kFirstStep = 1024;  // bytes of an empty writer's buffer
constexpr size_t kFurthestAhead = size_t{16} * 1024;
/// malloc() gets that much from the kernel and gives it back at once (common/http/server.cpp).
constexpr size_t kHugeBuffer = size_t{8} * 1024 * 1024;
constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

/// Asks for huge pages, which save most of the faults of memory that is new; without them nothing changes.
void use_huge_pages(char* begin, size_t size) {
  constexpr size_t kPage = 4096;
  const size_t skipped = (kPage - reinterpret_cast<uintptr_t>(begin) % kPage) % kPage;
  ::madvise(begin + skipped, size - skipped, MADV_HUGEPAGE);
}

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
  std::string escaped;
  append_help(escaped, help);
  for (const std::string_view piece :
       {std::string_view("# HELP "), name, std::string_view(" "), std::string_view(escaped),
        std::string_view("\n# TYPE "), name, std::string_view(" "), type, std::string_view("\n")}) {
    put(piece);
  }
}

/// Where the next `bytes` may be written; the caller adds to size_ what it used.
char* SeriesWriter::room(size_t bytes) {
  if (buffer_.size() - size_ < bytes) {
    const size_t wanted = size_ + bytes;
    if (buffer_.capacity() < wanted) buffer_.reserve(std::max(2 * buffer_.capacity(), wanted + kFirstStep));
    // resize() writes zeros: no further ahead than what is still in the processor's cache when it is used.
    buffer_.resize(std::min(buffer_.capacity(), wanted + kFurthestAhead));
  }
  return buffer_.data() + size_;
}

void SeriesWriter::put(std::string_view text) {
  std::copy(text.begin(), text.end(), room(text.size()));
  size_ += text.size();
}

void SeriesWriter::line(std::string_view suffix, std::string_view labels, std::string_view more,
                        double value) {
  assert(!family_.empty());
  char* const start = room(family_.size() + suffix.size() + labels.size() + more.size() + 5 + kLongestNumber);
  char* out = start;
  const auto append = [&out](std::string_view piece) { out = std::copy(piece.begin(), piece.end(), out); };
  append(family_);
  append(suffix);
  if (!labels.empty() || !more.empty()) {
    *out++ = '{';
    append(labels);
    if (!labels.empty() && !more.empty()) *out++ = ',';
    append(more);
    *out++ = '}';
  }
  *out++ = ' ';
  out = write_number(out, value);
  *out++ = '\n';
  size_ += static_cast<size_t>(out - start);
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
  put(other.text());
  sample_count_ += other.sample_count_;
}

void SeriesWriter::reserve(size_t bytes) {
  if (bytes <= buffer_.capacity()) return;
  buffer_.reserve(bytes);
  if (bytes >= kHugeBuffer) use_huge_pages(buffer_.data(), buffer_.capacity());
}

void SeriesWriter::reserve(size_t bytes, std::string used_before) {
  if (size_ == 0 && used_before.capacity() > buffer_.capacity()) buffer_ = std::move(used_before);
  reserve(bytes);
}

std::string SeriesWriter::take() {
  buffer_.resize(size_);
  std::string taken = std::move(buffer_);
  buffer_ = {};
  clear();
  return taken;
}

void SeriesWriter::clear() {
  size_ = 0;
  family_.clear();
  sample_count_ = 0;
}

}  // namespace sonde::metrics
