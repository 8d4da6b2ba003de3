// Any bytes as label values and help, any bits as sample values: the page must parse, the value must read
// back bit-equal, and text must come back unchanged but for bytes that are not UTF-8.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/metrics/series_writer.h"
#include "tests/support/exposition.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

sonde::test::Exposition through_page(std::string_view a, std::string_view b, double value) {
  sonde::metrics::SeriesWriter writer;
  writer.family("m", "gauge", a);
  writer.sample({{"a", a}}, {{"b", b}}, value);
  const auto page = sonde::test::parse_exposition(writer.text());
  require(page.has_value());
  require(page->samples.size() == 1 && page->samples[0].labels.size() == 2);
  return *page;
}

}  // namespace

/// Input: 8 bytes of a double, then the values of two labels with a '|' between them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  double value = 0;
  std::memcpy(&value, data, sizeof(value));
  const std::string_view text(reinterpret_cast<const char*>(data) + 8, size - 8);
  const size_t bar = std::min(text.find('|'), text.size());
  const std::string_view a = text.substr(0, bar);
  const std::string_view b = text.substr(std::min(bar + 1, text.size()));

  const sonde::test::Exposition page = through_page(a, b, value);
  const auto& labels = page.samples[0].labels;
  const double read = page.samples[0].value;
  require(std::isnan(value) ? std::isnan(read)
                            : std::bit_cast<uint64_t>(read) == std::bit_cast<uint64_t>(value));
  require(page.help.at("m") == labels.at("a"));
  require(!is_ascii(a) || labels.at("a") == a);
  require(!is_ascii(b) || labels.at("b") == b);
  // What was repaired once is UTF-8 and is not touched again.
  require(through_page(labels.at("a"), labels.at("b"), value).samples[0].labels == labels);
  return 0;
}
