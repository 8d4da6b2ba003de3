#include "analyzer/evaluation/evaluate_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/evaluation/table_split.h"
#include "common/help_text.h"

namespace sonde::analyzer {
namespace {

constexpr const char* kFooter =
    "Tables are CSV, gzipped or not: a header, a first column time where there is one (no feature), numbers, "
    "a\n"
    "last column label. An empty cell is a missing value and counts as its column's mean.\n"
    "\n"
    "Examples:\n"
    "  sonde-analyzer evaluate classify --train a.csv --test b.csv.gz\n"
    "  sonde-analyzer evaluate classify --train a.csv --split groups --group injection --confusion a\n"
    "  sonde-analyzer evaluate classify --train a.csv --split rows --algorithm knn --json\n"
    "  sonde-analyzer evaluate classify --model /var/lib/sonde/models --test b.csv.gz\n"
    "\n"
    "Exit codes: 0 printed, 1 a file could not be written, 2 a wrong flag or table.";

/// Flags as they were written, where that is not yet what they mean.
struct EvaluateWords {
  std::string split;
  std::string class_weight = "none";
};

void add_table_flags(CLI::App& app, EvaluateWords& words, ClassifyOptions& options) {
  app.add_option("--train", options.train, "Table to learn from")->type_name("FILE");
  app.add_option(
         "--model", options.model,
         "Instead of --train: the newest model of this folder, as `train` and `calibrate` save it, tells "
         "the rows of --test; it has its own columns and parameters")
      ->type_name("FOLDER");
  app.add_option("--test", options.test, "Table to test with; or --split")->type_name("FILE");
  app.add_option(
         "--split", words.split,
         "Test with a part of --train instead: rows drawn at random (flatters: rows of one run end in both "
         "parts), or whole groups of them")
      ->type_name("rows|groups")
      ->check(CLI::IsMember({"rows", "groups"}));
  app.add_option("--test-share", options.test_share, "With --split: that share of the rows or groups")
      ->type_name("SHARE")
      ->check(CLI::Range(0.01, 0.99))
      ->capture_default_str();
  app.add_option(
         "--calibration-rows", options.calibration_rows,
         "With --test: that many of its first rows with the label normal tell where normal lies there "
         "(another load, other machines), and are not tested; 30 or more. 0: all is compared as it is")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--group", options.group_column,
                 "Column that is no feature but says which rows belong together, such as one injection")
      ->type_name("COLUMN");
  app.add_option("--columns", options.columns, "Only the features whose whole names match")
      ->type_name("REGEX");
}

void add_classifier_flags(CLI::App& app, EvaluateWords& words, ClassifyOptions& options) {
  std::vector<std::string> names = {"all"};
  std::string joined = "all";
  for (const ClassifierKind& kind : classifier_kinds()) {
    names.emplace_back(kind.name);
    joined += fmt::format("|{}", kind.name);
  }
  app.add_option("--algorithm", options.algorithm, "Which classifier")
      ->type_name(joined)
      ->check(CLI::IsMember(names))
      ->default_val("all");
  app.add_option("--class-weight", words.class_weight,
                 "balanced: every class counts the same, however few rows it has; none: every row does")
      ->type_name("none|balanced")
      ->check(CLI::IsMember({"none", "balanced"}))
      ->capture_default_str();
  ClassifierOptions& classifier = options.classifier;
  app.add_option("--knn.neighbours", classifier.neighbours, "Rows that vote")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--svm.c", classifier.svm_c, "What a row on the wrong side costs")
      ->type_name("NUMBER")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str();
  app.add_option("--random-forest.trees", classifier.trees, "Trees")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--random-forest.max-depth", classifier.max_depth, "Splits from the root to a leaf at most")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--seed", classifier.seed,
                 "Of everything that is drawn: the same seed gives the same result")
      ->type_name("NUMBER")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_output_flags(CLI::App& app, ClassifyOptions& options) {
  app.add_flag("--json", options.json, "Print one JSON object instead of Markdown");
  app.add_flag("--published", options.published,
               "Also print the published results beside these, and what each service's columns tell alone");
  app.add_option("--predictions", options.predictions,
                 "Also write, as CSV, what each classifier told of each row of the test part")
      ->type_name("FILE");
  app.add_option("--confusion", options.confusion,
                 "Also draw each classifier's confusion matrix, into PREFIX-NAME.svg")
      ->type_name("PREFIX");
}

Result<void> check_saved_model_flags(const EvaluateWords& words, const ClassifyOptions& options) {
  if (options.train.empty() == options.model.empty()) {
    return fail(ErrorCode::kInvalid,
                options.model.empty() ? "what to learn from is missing: give --train=FILE, or --model=FOLDER"
                                      : "--train and --model: two things to go by; leave one of them out");
  }
  const bool learns = !words.split.empty() || !options.columns.empty() || options.calibration_rows > 0 ||
                      options.published || words.class_weight != "none";
  if (!options.model.empty() && learns) {
    return fail(
        ErrorCode::kInvalid,
        "--model: has learnt already; leave --split, --columns, --calibration-rows, --class-weight and "
        "--published out");
  }
  return {};
}

Result<ClassifyOptions> interpret_words(const EvaluateWords& words, ClassifyOptions options) {
  if (const auto possible = check_saved_model_flags(words, options); !possible) {
    return tl::unexpected(possible.error());
  }
  if (options.test.empty() == words.split.empty()) {
    return fail(ErrorCode::kInvalid,
                words.split.empty()
                    ? "what to test with is missing: give --test=FILE, or --split=rows or groups"
                    : "--test and --split: two things to test with; leave one of them out");
  }
  if (words.split == "groups" && options.group_column.empty()) {
    return fail(ErrorCode::kInvalid, "--split=groups: needs --group, the column that tells the groups apart");
  }
  if (options.calibration_rows > 0 && (options.test.empty() || options.published)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--calibration-rows: {}",
                            options.published ? "is of all columns together; leave --published out"
                                              : "is of another table than --train; name it with --test"));
  }
  if (options.calibration_rows > 0 && options.calibration_rows < kLeastCalibrationRows) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--calibration-rows={}: too few to tell where normal lies; {} or more, or 0",
                            options.calibration_rows, kLeastCalibrationRows));
  }
  if (options.published && options.json) {
    return fail(ErrorCode::kInvalid, "--published: prints Markdown; leave --json out");
  }
  if (words.split == "rows") options.part = TestPart::kRandomRows;
  if (words.split == "groups") options.part = TestPart::kRandomGroups;
  options.balanced = words.class_weight == "balanced";
  return options;
}

}  // namespace

Result<ClassifyOptions> parse_classify_options(int argc, char** argv) {
  CLI::App app("Learns from a table of labelled rows and says how well each classifier tells other rows.",
               "sonde-analyzer evaluate classify");
  EvaluateWords words;
  ClassifyOptions options;
  set_help(app, kFooter);
  in_group(app, "Rows", [&] { add_table_flags(app, words, options); });
  in_group(app, "Classifiers", [&] { add_classifier_flags(app, words, options); });
  in_group(app, "Output", [&] { add_output_flags(app, options); });
  const Result<void> parsed = parse_words(app, {argv + std::min(argc, 3), argv + argc});
  if (!parsed) return tl::unexpected(parsed.error());
  return interpret_words(words, std::move(options));
}

}  // namespace sonde::analyzer
