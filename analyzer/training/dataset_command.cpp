#include "analyzer/training/dataset_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "analyzer/training/read_flags.h"
#include "analyzer/training/table_file.h"
#include "common/help_text.h"

namespace sonde::analyzer {
namespace {

constexpr int kExitWritten = 0;
constexpr int kExitBroken = 1;
constexpr int kExitBadFlag = 2;

constexpr const char* kDatasetFooter =
    "A row is one time: for each service and quantity of metric_map the sum over its containers, counters as "
    "rates, "
    "as the running analyzer sees them. The label is what sonde-inject said at that time: normal, heavy "
    "workload, or "
    "SERVICE/FAULT. Rows that are no clear example are left out and counted.\n"
    "\n"
    "Examples:\n"
    "  sonde-analyzer dataset --from -4h --output rows.csv.gz --injection-column\n"
    "  sonde-analyzer dataset --config.file analyzer.yml --from 2026-11-29T08:00:00Z --to "
    "2026-11-29T12:00:00Z >rows.csv\n"
    "  sonde-analyzer evaluate classify --train rows.csv.gz --split groups --group injection\n"
    "\n"
    "Exit codes: 0 written, 1 the read or the write failed, 2 a wrong flag or configuration.";

int complain_of_dataset(const Error& error) {
  fmt::print(stderr, "sonde-analyzer dataset: {}\n", error.message);
  return error.code == ErrorCode::kInvalid ? kExitBadFlag : kExitBroken;
}

}  // namespace

int dataset_main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is gone must be an error with words
  CLI::App app("Writes a table of labelled rows from what a Prometheus holds, for classifiers to learn from.",
               "sonde-analyzer dataset");
  ReadFlags flags;
  std::string output;
  bool injection_column = false;
  set_help(app, kDatasetFooter);
  in_group(app, "What to read", [&] { add_read_flags(app, flags); });
  in_group(app, "Output", [&] {
    app.add_option("--output", output, "Where to, gzipped if it ends in .gz; without it to standard output")
        ->type_name("FILE");
    app.add_flag(
        "--injection-column", injection_column,
        "Also a column injection: the number of the row's injection or pause, to keep each in one part");
  });
  if (const Result<void> parsed = parse_words(app, {argv + std::min(argc, 2), argv + argc}); !parsed) {
    if (parsed.error().code != ErrorCode::kNotFound) return complain_of_dataset(parsed.error());
    std::fputs(parsed.error().message.c_str(), stdout);
    return kExitWritten;
  }
  const Result<Dataset> dataset = read_dataset(flags);
  if (!dataset) return complain_of_dataset(dataset.error());
  const std::string text = dataset_csv(*dataset, injection_column);
  if (!output.empty()) {
    if (const Result<void> written = write_table_file(output, text); !written) {
      return complain_of_dataset(written.error());
    }
  } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return complain_of_dataset({ErrorCode::kUnavailable, "cannot write to standard output"});
  }
  std::fputs(dataset_summary(*dataset).c_str(), stderr);
  return kExitWritten;
}

}  // namespace sonde::analyzer
