#include "analyzer/evaluation/evaluate_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "analyzer/evaluation/classify.h"
#include "analyzer/evaluation/classify_report.h"
#include "analyzer/evaluation/evaluate_options.h"
#include "analyzer/evaluation/published.h"
#include "analyzer/evaluation/saved_model.h"
#include "analyzer/evaluation/table_split.h"

namespace sonde::analyzer {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitUnwritten = 1;
constexpr int kExitWrong = 2;
constexpr std::string_view kUsage =
    "sonde-analyzer evaluate: how well the analyzer's algorithms do on tables of known cases.\n\n"
    "  sonde-analyzer evaluate classify --help    classifiers: which service, which fault\n";

int complain_of(const std::string& message, int exit_code) {
  fmt::print(stderr, "sonde-analyzer evaluate: {}\n", message);
  return exit_code;
}

Result<TableSplit> read_parts(const ClassifyOptions& options) {
  if (!options.model.empty()) {
    Result<LabelledTable> test = read_labelled_table(options.test, options.group_column);
    if (!test) return tl::unexpected(test.error());
    return TableSplit{{}, std::move(*test), {}};
  }
  Result<LabelledTable> train = read_labelled_table(options.train, options.group_column);
  if (!train) return tl::unexpected(train.error());
  if (!options.columns.empty()) {
    if (const auto kept = keep_columns(*train, options.columns); !kept) return tl::unexpected(kept.error());
  }
  if (options.part == TestPart::kRandomRows)
    return split_rows(*train, options.test_share, options.classifier.seed);
  if (options.part == TestPart::kRandomGroups) {
    return split_groups(*train, options.test_share, options.classifier.seed);
  }
  if (const auto several = require_two_labels(*train); !several) {
    return fail(ErrorCode::kInvalid, options.train + ": " + several.error().message);
  }
  Result<LabelledTable> test = read_labelled_table(options.test, options.group_column);
  if (!test) return tl::unexpected(test.error());
  if (const auto same = arrange_columns(*test, train->columns, options.test); !same) {
    return tl::unexpected(same.error());
  }
  if (options.calibration_rows == 0) return TableSplit{std::move(*train), std::move(*test), {}};
  if (rows_labelled(*train, kNormalLabel).rows() == 0) {
    return fail(ErrorCode::kInvalid,
                fmt::format("{}: no row is labelled {}; --calibration-rows needs some to "
                            "compare with",
                            options.train, kNormalLabel));
  }
  Result<TableSplit> parts = split_calibration(*test, options.calibration_rows, options.test);
  if (parts) parts->train = std::move(*train);
  return parts;
}

/// What the options ask for, but for the source's tables.
Result<ClassifyOutcome> classify_as_asked(const ClassifyOptions& options, const TableSplit& parts,
                                          std::span<const ClassifierKind* const> kinds) {
  if (options.model.empty()) return classify(parts, kinds, options.classifier, options.balanced);
  return classify_with_saved(options.model, options.algorithm, parts.test, options.test);
}

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) {
    return fail(ErrorCode::kPermission,
                fmt::format("{}: cannot be written: {}; name a file in a folder that can be", path,
                            std::generic_category().message(errno)));
  }
  return {};
}

Result<void> write_files(const ClassifyOptions& options, const ClassifyOutcome& outcome) {
  if (!options.predictions.empty()) {
    if (const auto written = write_file(options.predictions, predictions_csv(outcome)); !written)
      return written;
  }
  if (options.confusion.empty()) return {};
  for (const ClassifierOutcome& one : outcome.classifiers) {
    const std::string path = fmt::format("{}-{}.svg", options.confusion, one.kind->name);
    if (const auto written = write_file(path, confusion_svg(outcome, one)); !written) return written;
  }
  return {};
}

int evaluate_classify(int argc, char** argv) {
  const Result<ClassifyOptions> options = parse_classify_options(argc, argv);
  if (!options && options.error().code == ErrorCode::kNotFound) {
    std::fputs(options.error().message.c_str(), stdout);
    return kExitDone;
  }
  if (!options) return complain_of(options.error().message, kExitWrong);
  const Result<TableSplit> parts = read_parts(*options);
  if (!parts) return complain_of(parts.error().message, kExitWrong);

  std::vector<const ClassifierKind*> kinds;
  for (const ClassifierKind& kind : classifier_kinds()) {
    if (options->algorithm == "all" || options->algorithm == kind.name) kinds.push_back(&kind);
  }
  const Result<ClassifyOutcome> told = classify_as_asked(*options, *parts, kinds);
  if (!told) return complain_of(told.error().message, kExitWrong);
  const ClassifyOutcome& outcome = *told;
  if (const auto written = write_files(*options, outcome); !written) {
    return complain_of(written.error().message, kExitUnwritten);
  }
  std::string published;
  if (options->published) {
    const auto by_service = classify_by_service(*parts, kinds, options->classifier, options->balanced);
    if (!by_service) return complain_of(by_service.error().message, kExitWrong);
    published = published_markdown(outcome, *by_service);
  }
  std::fputs((options->json ? classify_json(outcome) : classify_markdown(outcome)).c_str(), stdout);
  std::fputs(published.c_str(), stdout);
  return std::fflush(stdout) == 0 ? kExitDone
                                  : complain_of("cannot write to standard output", kExitUnwritten);
}

}  // namespace

int evaluate_main(int argc, char** argv) {
  const std::string_view task = argc > 2 ? argv[2] : "";
  if (task == "classify") return evaluate_classify(argc, argv);
  if (task == "--help" || task == "-h") {
    std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
    return kExitDone;
  }
  return complain_of(fmt::format("'{}' is no task; there is: classify (see --help)", task), kExitWrong);
}

}  // namespace sonde::analyzer
