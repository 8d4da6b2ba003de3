#include "tests/bench/scrape_page.h"

#include <fmt/format.h>

#include <cstdlib>
#include <random>

namespace sonde::bench {

ScrapePage::ScrapePage() {
  std::mt19937_64 random(23);
  std::uniform_int_distribution<uint64_t> digits(100000000000000ULL, 999999999999999ULL);
  for (size_t i = 0; i < kSeries; ++i) {
    metrics::Labels labels;
    for (const auto& [name, value] : label_pairs(i)) labels.add(name, value);
    labels_.push_back(std::move(labels));
    const std::string text = fmt::format("{}e-{}", digits(random), i % 12);
    values_.push_back(std::strtod(text.c_str(), nullptr));
  }
}

void ScrapePage::write(size_t scrape, metrics::SeriesWriter& writer) const {
  writer.family(kRow);
  for (size_t i = 0; i < kSeries; ++i) writer.sample(labels_[i], value(scrape, i));
}

std::array<std::pair<std::string, std::string>, 4> ScrapePage::label_pairs(size_t i) {
  const size_t service = i % 40;
  return {{{"namespace", fmt::format("shop-{}", i % 8)},
           {"pod", fmt::format("checkout-{}-7d9f8b6c5-{:05}", service, i)},
           {"container", fmt::format("checkout-{}", service)},
           {"service", fmt::format("checkout-{}", service)}}};
}

}  // namespace sonde::bench
