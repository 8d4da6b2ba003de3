#include "analyzer/training/train_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>
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

constexpr int kExitTrained = 0;
constexpr int kExitUnsaved = 1;
constexpr int kExitWrongTable = 2;

constexpr const char* kTrainFooter =
    "Learns from all rows. How well it will do is printed first, from classifiers that did not see a fifth "
    "of the "
    "injections (of the rows, where the table has no column injection: that flatters).\n"
    "\n"
    "Examples:\n"
    "  sonde-analyzer train --input rows.csv.gz --model /var/lib/sonde/models\n"
    "  sonde-analyzer train --config.file analyzer.yml --from -4h --model /var/lib/sonde/models\n"
    "\n"
    "Exit codes: 0 saved, 1 the read or the write failed, 2 a wrong flag, table or configuration.";

struct TrainFlags {
  ReadFlags read;
  std::string input;
  std::string columns;
  std::string model;
  std::string algorithm = "all";
  std::string class_weight = "none";
  TrainOptions options;
};

int complain_of_training(const Error& error) {
  fmt::print(stderr, "sonde-analyzer train: {}\n", error.message);
  return error.code == ErrorCode::kInvalid ? kExitWrongTable : kExitUnsaved;
}

void add_training_flags(CLI::App& app, TrainFlags& flags) {
  std::vector<std::string> names = {"all"};
  std::string joined = "all";
  for (const ClassifierKind& kind : classifier_kinds()) {
    names.emplace_back(kind.name);
    joined += fmt::format("|{}", kind.name);
  }
  app.add_option("--model", flags.model, "Folder of models; the new one is its next generation")
      ->type_name("FOLDER")
      ->required();
  app.add_option("--algorithm", flags.algorithm, "Which classifier")
      ->type_name(joined)
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_option("--columns", flags.columns, "Only the features whose whole names match")->type_name("REGEX");
  app.add_option("--class-weight", flags.class_weight,
                 "balanced: every class counts the same, however few rows it has; none: every row does")
      ->type_name("none|balanced")
      ->check(CLI::IsMember({"none", "balanced"}))
      ->capture_default_str();
  app.add_option("--seed", flags.options.classifier.seed,
                 "Of everything that is drawn: the same seed gives the same model")
      ->type_name("NUMBER")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

Result<LabelledTable> read_training_table(const TrainFlags& flags) {
  if (flags.input.empty() == flags.read.from.empty()) {
    return fail(ErrorCode::kInvalid,
                flags.input.empty()
                    ? "what to learn from is missing: give --input=FILE, or --from=TIME to read Prometheus"
                    : "--input and --from: two things to learn from; leave one of them out");
  }
  Result<LabelledTable> table = LabelledTable();
  if (flags.input.empty()) {
    Result<Dataset> dataset = read_dataset(flags.read);
    if (!dataset) return tl::unexpected(dataset.error());
    std::fputs(dataset_summary(*dataset).c_str(), stderr);
    table = std::move(dataset->table);
  } else {
    table = read_labelled_table(flags.input, "");
    if (!table) return fail(ErrorCode::kInvalid, "--input: " + table.error().message);
  }
  if (std::set(table->labels.begin(), table->labels.end()).size() < 2) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("every row has the label {}: there is nothing to tell apart; label rows by faults of "
                    "sonde-inject that Prometheus scrapes",
                    table->labels.front()));
  }
  if (!flags.columns.empty()) {
    if (const auto kept = keep_columns(*table, flags.columns); !kept) return tl::unexpected(kept.error());
  }
  return table;
}

void print_check(const LabelledTable& table, const Result<ClassifyOutcome>& checked) {
  if (!checked) {
    fmt::print("not checked on rows left out: {}\n", checked.error().message);
    return;
  }
  const bool groups = !table.groups.empty();
  fmt::print("{} rows learnt from, {} left out of it and told ({})\n", checked->train_rows,
             checked->test_rows, groups ? "whole injections" : "rows at random, which flatters");
  for (const ClassifierOutcome& one : checked->classifiers) {
    fmt::print("  {:<24} accuracy {:.3f}, macro F1 {:.3f}\n", one.kind->title, one.report.accuracy,
               one.report.macro.f1);
  }
}

int train(TrainFlags& flags) {
  const Result<LabelledTable> table = read_training_table(flags);
  if (!table) return complain_of_training(table.error());
  flags.options.balanced = flags.class_weight == "balanced";
  std::vector<const ClassifierKind*> kinds;
  for (const ClassifierKind& kind : classifier_kinds()) {
    if (flags.algorithm == "all" || flags.algorithm == kind.name) kinds.push_back(&kind);
  }
  print_check(*table, check_on_held_out(*table, kinds, flags.options));
  const Model model = train_model(*table, kinds, flags.options, unix_milliseconds_now());
  const Result<std::string> saved = save_model(flags.model, model);
  if (!saved) {
    complain_of_training({saved.error().code, "--model: " + saved.error().message});
    return kExitUnsaved;
  }
  fmt::print("{}: {} rows, {} features, {} classes\n", *saved, model.rows, model.features.size(),
             model.classes.size());
  return std::fflush(stdout) == 0
             ? kExitTrained
             : complain_of_training({ErrorCode::kUnavailable, "cannot write to standard output"});
}

}  // namespace

int train_main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a connection that is gone must be an error with words
  CLI::App app("Learns to tell faults from labelled rows, and saves what it learnt for the running analyzer.",
               "sonde-analyzer train");
  TrainFlags flags;
  set_help(app, kTrainFooter);
  in_group(app, "Rows of a file", [&] {
    app.add_option("--input", flags.input, "Table as `sonde-analyzer dataset` writes it, gzipped or not")
        ->type_name("FILE");
  });
  in_group(app, "Rows of a Prometheus", [&] { add_read_flags(app, flags.read); });
  in_group(app, "Learning", [&] { add_training_flags(app, flags); });
  if (const Result<void> parsed = parse_words(app, {argv + std::min(argc, 2), argv + argc}); !parsed) {
    if (parsed.error().code != ErrorCode::kNotFound) return complain_of_training(parsed.error());
    std::fputs(parsed.error().message.c_str(), stdout);
    return kExitTrained;
  }
  return train(flags);
}

}  // namespace sonde::analyzer
