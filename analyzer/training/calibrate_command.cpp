#include "analyzer/training/calibrate_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/models/model_store.h"
#include "analyzer/training/read_flags.h"
#include "analyzer/training/train.h"
#include "common/clock.h"
#include "common/help_text.h"

namespace sonde::analyzer {
namespace {

constexpr int kExitCalibrated = 0;
constexpr int kExitNotSaved = 1;
constexpr int kExitWrongInput = 2;

constexpr const char* kCalibrateFooter =
    "What a fault changes, in terms of how much normal varies, is much the same at another load; where "
    "normal "
    "lies is not.\n"
    "Take a time of 30 rows or more in which nothing was wrong. Rows that the injector's series label as a "
    "fault's or a heavy\n"
    "workload's are left out. The model before stays as the generation before.\n"
    "\n"
    "Examples:\n"
    "  sonde-analyzer calibrate --config.file analyzer.yml --from -10m --model /var/lib/sonde/models\n"
    "  sonde-analyzer calibrate --input quiet.csv.gz --model /var/lib/sonde/models\n"
    "\n"
    "Exit codes: 0 saved, 1 the read or the write failed, 2 a wrong flag, table, model or configuration.";

struct CalibrateFlags {
  ReadFlags read;
  std::string input;
  std::string model;
};

int complain_of_calibration(const Error& error) {
  fmt::print(stderr, "sonde-analyzer calibrate: {}\n", error.message);
  const bool wrong = error.code == ErrorCode::kInvalid || error.code == ErrorCode::kNotFound;
  return wrong ? kExitWrongInput : kExitNotSaved;
}

Result<LabelledTable> read_normal_rows(const CalibrateFlags& flags) {
  if (flags.input.empty() == flags.read.from.empty()) {
    return fail(ErrorCode::kInvalid,
                flags.input.empty()
                    ? "where normal lies is missing: give --from=TIME to read Prometheus, or --input=FILE"
                    : "--input and --from: two times to go by; leave one of them out");
  }
  if (!flags.input.empty()) {
    Result<LabelledTable> table = read_labelled_table(flags.input, "");
    if (!table) return fail(ErrorCode::kInvalid, "--input: " + table.error().message);
    return table;
  }
  Result<Dataset> dataset = read_dataset(flags.read);
  if (!dataset) return tl::unexpected(dataset.error());
  std::fputs(dataset_summary(*dataset, false).c_str(), stderr);
  return std::move(dataset->table);
}

/// A model as one's own copy, and whose.
struct Copy {
  Model model;
  std::string file;
};

/// The newest model that can be used.
Result<Copy> copy_of_newest(const std::string& folder) {
  const Result<StoredModel> stored = load_model(folder);
  if (!stored) return tl::unexpected(stored.error());
  for (const std::string& line : stored->refused) fmt::print(stderr, "{}\n", line);
  if (!stored->model) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: holds no model that can be used; train one first", folder));
  }
  Result<Model> model = decode_model(encode_model(*stored->model));
  if (!model) return tl::unexpected(model.error());
  return Copy{std::move(*model), std::filesystem::path(stored->file).filename().string()};
}

/// How many of the rows without a fault each of the model's classifiers tells as such.
std::vector<size_t> told_normal(const Model& model, LabelledTable normal) {
  std::vector<size_t> counts(model.learnt.size(), 0);
  if (!arrange_columns(normal, model.features, "")) return counts;
  const LabelledRows rows = labelled_rows(normal, model.standardiser, model.classes);
  for (size_t i = 0; i < counts.size(); ++i) {
    for (const uint32_t predicted : tell(*model.learnt[i].classifier, rows).predicted) {
      counts[i] += model.classes[predicted] == kNormalLabel ? 1 : 0;
    }
  }
  return counts;
}

int calibrate(const CalibrateFlags& flags) {
  Result<Copy> copy = copy_of_newest(flags.model);
  if (!copy) return complain_of_calibration({copy.error().code, "--model: " + copy.error().message});
  Model& model = copy->model;
  Result<LabelledTable> table = read_normal_rows(flags);
  if (!table) return complain_of_calibration(table.error());
  const LabelledTable normal = rows_labelled(*table, kNormalLabel);
  const std::vector<size_t> before = told_normal(model, normal);
  if (const auto done = calibrate_model(model, std::move(*table), unix_milliseconds_now()); !done) {
    return complain_of_calibration(done.error());
  }
  const Result<std::string> saved = save_model(flags.model, model);
  if (!saved) {
    complain_of_calibration({saved.error().code, "--model: " + saved.error().message});
    return kExitNotSaved;
  }
  fmt::print(
      "{}: {}, moved to where {} rows without a fault lie; to go back, remove it\ntold normal of them\n",
      *saved, copy->file, normal.rows());
  const std::vector<size_t> now = told_normal(model, normal);
  for (size_t i = 0; i < now.size(); ++i) {
    fmt::print("  {:22} {} before, {} now\n", model.learnt[i].kind->title, before[i], now[i]);
  }
  return std::fflush(stdout) == 0
             ? kExitCalibrated
             : complain_of_calibration({ErrorCode::kUnavailable, "cannot write to standard output"});
}

}  // namespace

int calibrate_main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is gone must be an error with words
  CLI::App app(
      "Moves a trained model to another load or other machines, by a time in which nothing was wrong.",
      "sonde-analyzer calibrate");
  CalibrateFlags flags;
  set_help(app, kCalibrateFooter);
  in_group(app, "Rows of a file", [&] {
    app.add_option("--input", flags.input, "Table as `sonde-analyzer dataset` writes it, gzipped or not")
        ->type_name("FILE");
  });
  in_group(app, "Rows of a Prometheus", [&] { add_read_flags(app, flags.read); });
  in_group(app, "Model", [&] {
    app.add_option("--model", flags.model,
                   "Folder of models; the newest is moved and saved as its next generation")
        ->type_name("FOLDER")
        ->required();
  });
  if (const Result<void> parsed = parse_words(app, {argv + std::min(argc, 2), argv + argc}); !parsed) {
    if (parsed.error().code != ErrorCode::kNotFound) return complain_of_calibration(parsed.error());
    std::fputs(parsed.error().message.c_str(), stdout);
    return kExitCalibrated;
  }
  return calibrate(flags);
}

}  // namespace sonde::analyzer
