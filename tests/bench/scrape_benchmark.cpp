// What building and compressing a page of 20,000 series costs, beside prometheus-cpp on the same series.

#include <benchmark/benchmark.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "common/http/compression.h"
#include "common/metrics/registry_adapter.h"
#include "common/metrics/series_writer.h"
#include "tests/bench/scrape_page.h"

namespace {

using sonde::bench::ScrapePage;
using sonde::metrics::SeriesWriter;

const ScrapePage& page() {
  static const ScrapePage kInstance;
  return kInstance;
}

/// The same series in a prometheus-cpp registry.
struct RegistryPage {
  RegistryPage() {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(ScrapePage::kRow.name))
                       .Help(std::string(ScrapePage::kRow.help))
                       .Register(registry);
    for (size_t i = 0; i < ScrapePage::kSeries; ++i) {
      prometheus::Labels labels;
      for (const auto& [name, value] : ScrapePage::label_pairs(i)) labels[name] = value;
      family.Add(labels).Set(page().value(0, i));
    }
  }
  prometheus::Registry registry;
};

const RegistryPage& registry_page() {
  static const RegistryPage kInstance;
  return kInstance;
}

std::string page_text() {
  SeriesWriter writer;
  page().write(0, writer);
  return writer.take();
}

void count(benchmark::State& state, size_t bytes) {
  state.counters["series"] = static_cast<double>(ScrapePage::kSeries);
  state.counters["bytes_per_series"] = static_cast<double>(bytes) / static_cast<double>(ScrapePage::kSeries);
}

void BM_WriterPage(benchmark::State& state) {
  size_t scrape = 0;
  size_t bytes = 0;
  for (auto _ : state) {
    SeriesWriter writer;
    writer.reserve(bytes + bytes / 8);
    page().write(++scrape, writer);
    bytes = writer.text().size();
    benchmark::DoNotOptimize(writer.text().data());
  }
  count(state, bytes);
}
BENCHMARK(BM_WriterPage)->Unit(benchmark::kMillisecond);

void BM_GzipOurs(benchmark::State& state) {
  const std::string text = page_text();
  size_t bytes = 0;
  for (auto _ : state) bytes = sonde::http::gzip(text).size();
  count(state, bytes);
}
BENCHMARK(BM_GzipOurs)->Unit(benchmark::kMillisecond);

void BM_PrometheusCppPage(benchmark::State& state) {
  size_t bytes = 0;
  for (auto _ : state) {
    const prometheus::TextSerializer serializer;
    bytes = serializer.Serialize(registry_page().registry.Collect()).size();
  }
  count(state, bytes);
}
BENCHMARK(BM_PrometheusCppPage)->Unit(benchmark::kMillisecond);

void BM_AdapterPage(benchmark::State& state) {
  size_t bytes = 0;
  for (auto _ : state) {
    SeriesWriter writer;
    writer.reserve(bytes + bytes / 8);
    sonde::metrics::write_collectable(registry_page().registry, writer);
    bytes = writer.text().size();
  }
  count(state, bytes);
}
BENCHMARK(BM_AdapterPage)->Unit(benchmark::kMillisecond);

/// prometheus-cpp's exposer compresses with zlib's default level and the largest memory level.
void BM_GzipAsPrometheusCpp(benchmark::State& state) {
  const std::string text = page_text();
  size_t bytes = 0;
  for (auto _ : state) {
    z_stream stream{};
    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    std::vector<Bytef> out(deflateBound(&stream, text.size()));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    bytes = stream.total_out;
    deflateEnd(&stream);
  }
  count(state, bytes);
}
BENCHMARK(BM_GzipAsPrometheusCpp)->Unit(benchmark::kMillisecond);

}  // namespace
