// 2,000 series x 6 h x 15 s from Debian's Prometheus into an aligned frame: wall time and peak memory.
//
// usage: remote_read_end_to_end [RUNS]          (default 7; prints each run and the medians)
// Each run is a process of its own, so that its peak (VmHWM) is that of one read.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/series/frame_builder.h"
#include "analyzer/source/source_options.h"
#include "common/clock.h"
#include "tests/analyzer_source/read_all.h"
#include "tests/support/child_process.h"

namespace {

using namespace sonde;
using namespace sonde::analyzer;

constexpr int kPerKind = 200;  // of ten kinds
constexpr int kSamples = 1'440;
constexpr int64_t kStepMs = 15'000;

/// A line of /proc/self/status, in megabytes.
double status_mb(std::string_view name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::strtod(line.c_str() + name.size() + 1, nullptr) / 1024;
  }
  return 0;
}

/// One read, as a process of its own. Prints: seconds, samples, rows, columns, peak, start and result in MB.
int run_once(char** arguments) {
  const double start_mb = status_mb("VmRSS");
  const SourceOptions options = test::options_for(arguments[0], parse_read_mode(arguments[1]).value());
  const ReadQuery query{
      {test::selector("sonde_test_data")}, std::atoll(arguments[2]), std::atoll(arguments[3]), kStepMs};
  const SteadyTime begin = SteadyClock::now();
  const auto source = make_remote_source(options);
  FrameBuilder builder(Grid::covering(query.start_ms, query.end_ms, kStepMs), SeriesKind::kGauge, 5 * 60'000);
  const auto stats = (*source)->read(
      query, [&](const LabelSet& labels, std::span<const Sample> samples) { builder.add(labels, samples); });
  const Frame frame = builder.take();
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  if (!stats) {
    std::printf("%s\n", stats.error().message.c_str());
    return 1;
  }
  size_t result_bytes = frame.values.size() * sizeof(double);
  for (const LabelSet& labels : frame.series) {
    result_bytes += sizeof(LabelSet) + labels.pairs().size() * sizeof(LabelSet::Pair);
  }
  std::printf("%.4f %lu %zu %zu %.1f %.1f %.1f %.2f\n", seconds, stats->samples, frame.rows(), frame.columns,
              status_mb("VmHWM"), start_mb, static_cast<double>(result_bytes) / (1 << 20),
              static_cast<double>(stats->bytes) / (1 << 20));
  return 0;
}

struct Run {
  double seconds = 0;
  double peak_mb = 0;
  double beyond_mb = 0;  ///< of the peak, what is neither the program itself nor the result
};

double median(std::vector<Run> runs, double Run::* member) {
  std::ranges::sort(runs, {}, member);
  return runs[runs.size() / 2].*member;
}

bool measure(const char* program, const test::LoadedServer& loaded, const std::string& mode, int count) {
  const test::ScratchDirectory folder;
  const std::string output = folder.path() + "/output";
  std::vector<Run> runs;
  for (int i = 0; i < count; ++i) {
    test::ChildProcess child({program, "--once", loaded.server.url(), mode,
                              std::to_string(loaded.end_ms - 6 * 3'600'000), std::to_string(loaded.end_ms)},
                             output);
    if (child.wait() != 0) return false;
    std::ifstream file(output);
    Run run;
    uint64_t samples = 0;
    size_t rows = 0;
    size_t columns = 0;
    double start_mb = 0;
    double result_mb = 0;
    double reply_mb = 0;
    file >> run.seconds >> samples >> rows >> columns >> run.peak_mb >> start_mb >> result_mb >> reply_mb;
    run.beyond_mb = run.peak_mb - result_mb;
    std::printf(
        "%-8s %.3f s  %lu samples -> %zu x %zu cells  reply %.1f MB  peak %.1f MB = result %.1f + %.1f (of "
        "which "
        "%.1f at start)\n",
        mode.c_str(), run.seconds, samples, rows, columns, reply_mb, run.peak_mb, result_mb, run.beyond_mb,
        start_mb);
    runs.push_back(run);
  }
  std::printf("%-8s median of %d: %.3f s, peak %.1f MB, result + %.1f MB\n", mode.c_str(), count,
              median(runs, &Run::seconds), median(runs, &Run::peak_mb), median(runs, &Run::beyond_mb));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 6 && std::string_view(argv[1]) == "--once") return run_once(argv + 2);
  const int runs = argc > 1 ? std::atoi(argv[1]) : 7;
  const test::LoadedServer loaded(kPerKind, kSamples);
  if (!loaded.error.empty()) {
    std::fprintf(stderr, "%s\n", loaded.error.c_str());
    return 1;
  }
  return measure(argv[0], loaded, "chunks", std::max(runs, 1)) ? 0 : 1;
}
