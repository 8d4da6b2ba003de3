#include "analyzer/evaluation/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "analyzer/evaluation/classify_report.h"

namespace sonde::analyzer {
namespace {

/// Rows of a table: precision, recall and F1 of the four classifiers in the order of classifier_kinds().
struct PublishedRows {
  std::string_view name;
  std::array<std::array<double, 4>, 3> scores;
};
constexpr std::array<std::string_view, 3> kMeasures = {"precision", "recall", "F1"};
constexpr std::array kTable5 = {
    PublishedRows{"A (757 records)", {{{.93, .95, .95, .95}, {.93, .92, .93, .92}, {.93, .93, .93, .92}}}},
    PublishedRows{"B (555)", {{{.98, .75, .98, .99}, {.97, .82, .97, .99}, {.97, .77, .97, .99}}}},
    PublishedRows{"C = A + B (1,312)", {{{.96, .82, .83, .93}, {.96, .80, .79, .91}, {.96, .78, .78, .91}}}},
};
constexpr std::array kTable6 = {
    PublishedRows{"Cassandra", {{{.91, .48, .61, .89}, {.89, .35, .51, .75}, {.90, .33, .50, .76}}}},
    PublishedRows{"Homestead", {{{.92, .27, .56, .71}, {.90, .36, .48, .72}, {.91, .28, .46, .69}}}},
    PublishedRows{"Sprout", {{{.88, .31, .47, .85}, {.86, .33, .46, .78}, {.86, .28, .42, .79}}}},
};

void append_head(std::string& text, std::string_view first) {
  fmt::format_to(std::back_inserter(text), "| {} | measure |", first);
  for (const ClassifierKind& kind : classifier_kinds())
    fmt::format_to(std::back_inserter(text), " {} |", kind.title);
  text += "\n|---|---|---|---|---|---|\n";
}

void append_published(std::string& text, const PublishedRows& rows) {
  for (size_t measure = 0; measure < kMeasures.size(); ++measure) {
    fmt::format_to(std::back_inserter(text), "| {} | {} |", rows.name, kMeasures[measure]);
    for (const double score : rows.scores[measure])
      fmt::format_to(std::back_inserter(text), " {:.2f} |", score);
    text += '\n';
  }
}

void append_ours(std::string& text, std::string_view name, const ClassifyOutcome& outcome) {
  const std::array<double ClassScore::*, 3> members = {&ClassScore::precision, &ClassScore::recall,
                                                       &ClassScore::f1};
  for (size_t measure = 0; measure < kMeasures.size(); ++measure) {
    fmt::format_to(std::back_inserter(text), "| **{}** | {} |", name, kMeasures[measure]);
    for (const ClassifierKind& kind : classifier_kinds()) {
      const auto one = std::ranges::find(outcome.classifiers, &kind, &ClassifierOutcome::kind);
      text += one == outcome.classifiers.end()
                  ? std::string(" — |")
                  : fmt::format(" **{:.2f}** |", one->report.weighted.*members[measure]);
    }
    text += '\n';
  }
}

}  // namespace

std::vector<std::pair<std::string, std::vector<std::string>>> columns_by_service(const LabelledTable& table) {
  std::set<std::string> services;
  for (const std::string& label : table.labels) {
    if (const size_t slash = label.rfind('/'); slash != std::string::npos)
      services.insert(label.substr(0, slash));
  }
  std::map<std::string, std::vector<std::string>> columns;
  for (const std::string& column : table.columns) {
    std::string owner;
    for (const std::string& service : services) {
      if (column.starts_with(service + "_") && service.size() >= owner.size()) owner = service;
    }
    if (!owner.empty()) columns[owner].push_back(column);
  }
  return {columns.begin(), columns.end()};
}

Result<std::vector<std::pair<std::string, ClassifyOutcome>>> classify_by_service(
    const TableSplit& parts, std::span<const ClassifierKind* const> kinds, const ClassifierOptions& options,
    bool balanced) {
  std::vector<std::pair<std::string, ClassifyOutcome>> outcomes;
  for (const auto& [service, columns] : columns_by_service(parts.train)) {
    TableSplit own = parts;
    for (LabelledTable* const part : {&own.train, &own.test}) {
      if (const auto arranged = arrange_columns(*part, columns, service); !arranged) {
        return tl::unexpected(arranged.error());
      }
    }
    outcomes.emplace_back(service, classify(own, kinds, options, balanced));
  }
  if (outcomes.empty()) {
    return fail(ErrorCode::kInvalid,
                "--published: no label is SERVICE/FAULT of a service with columns SERVICE_QUANTITY, as "
                "`sonde-analyzer dataset` writes them");
  }
  return outcomes;
}

std::string published_markdown(const ClassifyOutcome& all,
                               const std::vector<std::pair<std::string, ClassifyOutcome>>& by_service) {
  std::string text =
      "\nBeside Du, Xie, He 2018 (theirs: other services and loads, a random split of rows; bold: this "
      "table, mean over "
      "the classes weighted by their rows).\n\nTheir Table 5: all columns\n\n";
  append_head(text, "data");
  for (const PublishedRows& rows : kTable5) append_published(text, rows);
  append_ours(text, fmt::format("here ({} rows)", all.train_rows + all.test_rows), all);
  text += "\nTheir Table 6: the columns of one service alone\n\n";
  append_head(text, "service");
  for (const PublishedRows& rows : kTable6) append_published(text, rows);
  for (const auto& [service, outcome] : by_service) append_ours(text, markdown_cell(service), outcome);
  return text;
}

}  // namespace sonde::analyzer
