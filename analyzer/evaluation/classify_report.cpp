#include "analyzer/evaluation/classify_report.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "analyzer/query/csv.h"

namespace sonde::analyzer {
namespace {

using Json = nlohmann::ordered_json;

Json score_json(const ClassScore& score) {
  return {
      {"precision", score.precision}, {"recall", score.recall}, {"f1", score.f1}, {"support", score.support}};
}

Json confusion_json(const ClassificationReport& report, size_t classes) {
  Json rows = Json::array();
  for (size_t i = 0; i < classes; ++i) {
    const auto begin = report.confusion.begin() + static_cast<std::ptrdiff_t>(i * classes);
    rows.push_back(std::vector<size_t>(begin, begin + static_cast<std::ptrdiff_t>(classes)));
  }
  return rows;
}

}  // namespace

std::string markdown_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell;
}

std::string classify_json(const ClassifyOutcome& outcome) {
  Json document;
  for (const ClassifierOutcome& one : outcome.classifiers) {
    Json& json = document[std::string(one.kind->name)];
    json["macro"] = score_json(one.report.macro);
    json["weighted"] = score_json(one.report.weighted);
    json["accuracy"] = one.report.accuracy;
    json["fit_seconds"] = one.fit_seconds;
    json["predict_seconds"] = one.predict_seconds;
    for (size_t c = 0; c < outcome.classes.size(); ++c) {
      json["classes"][outcome.classes[c]] = score_json(one.report.classes[c]);
    }
    json["confusion"] = confusion_json(one.report, outcome.classes.size());
  }
  // A label may be no UTF-8.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string classify_markdown(const ClassifyOutcome& outcome) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{} rows learnt from, {} tested with, {} columns, {} classes.", outcome.train_rows,
                 outcome.test_rows, outcome.columns, outcome.classes.size());
  if (outcome.calibration_rows > 0) {
    fmt::format_to(out, " Where normal lies is as {} other normal rows of the tested table have it.",
                   outcome.calibration_rows);
  }
  if (outcome.missing > 0) {
    fmt::format_to(out, " {} missing cells counted as their column's mean.", outcome.missing);
  }
  text +=
      "\n\n| classifier | macro precision | recall | F1 | weighted precision | recall | F1 | accuracy | fit "
      "s | predict s |\n|---|---|---|---|---|---|---|---|---|---|\n";
  for (const ClassifierOutcome& one : outcome.classifiers) {
    const ClassificationReport& report = one.report;
    fmt::format_to(
        out, "| {} | {:.3f} | {:.3f} | **{:.3f}** | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} |\n",
        one.kind->title, report.macro.precision, report.macro.recall, report.macro.f1,
        report.weighted.precision, report.weighted.recall, report.weighted.f1, report.accuracy,
        one.fit_seconds, one.predict_seconds);
  }
  text += "\n| class | rows |";
  for (const ClassifierOutcome& one : outcome.classifiers) {
    fmt::format_to(out, " {}: precision | recall | F1 |", one.kind->title);
  }
  text += "\n|---|---|";
  for (size_t i = 0; i < outcome.classifiers.size(); ++i) text += "---|---|---|";
  for (size_t c = 0; c < outcome.classes.size(); ++c) {
    fmt::format_to(out, "\n| {} | {} |", markdown_cell(outcome.classes[c]),
                   outcome.classifiers.empty() ? 0 : outcome.classifiers[0].report.classes[c].support);
    for (const ClassifierOutcome& one : outcome.classifiers) {
      const ClassScore& score = one.report.classes[c];
      fmt::format_to(out, " {:.3f} | {:.3f} | {:.3f} |", score.precision, score.recall, score.f1);
    }
  }
  return text + "\n";
}

std::string predictions_csv(const ClassifyOutcome& outcome) {
  std::string text = "row";
  for (const ClassifierOutcome& one : outcome.classifiers) text += fmt::format(",{}", one.kind->name);
  for (size_t row = 0; row < outcome.test_rows; ++row) {
    text += fmt::format("\n{}", row);
    for (const ClassifierOutcome& one : outcome.classifiers) {
      text += "," + csv_field(outcome.classes[one.predicted[row]]);
    }
  }
  return text + "\n";
}

}  // namespace sonde::analyzer
