#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/evaluation/classify.h"
#include "analyzer/evaluation/table_split.h"
#include "common/result.h"

namespace sonde::analyzer {

/// Services that the labels name (`SERVICE/FAULT`), each with the columns that are its own
/// (`SERVICE_QUANTITY`; of two services that fit the one with the longer name); those without a column are
/// left out.
std::vector<std::pair<std::string, std::vector<std::string>>> columns_by_service(const LabelledTable& table);

/// What each classifier does with one service's columns alone, on the same rows. Errors: kInvalid where no
/// label names a service that has columns.
Result<std::vector<std::pair<std::string, ClassifyOutcome>>> classify_by_service(
    const TableSplit& parts, std::span<const ClassifierKind* const> kinds, const ClassifierOptions& options,
    bool balanced);

/// Markdown: the source's own results (its Tables 5 and 6) beside these, in its measures. Source: Du, Xie, He
/// 2018.
std::string published_markdown(const ClassifyOutcome& all,
                               const std::vector<std::pair<std::string, ClassifyOutcome>>& by_service);

}  // namespace sonde::analyzer
