#pragma once

#include <string>
#include <string_view>

#include "analyzer/evaluation/classify.h"

namespace sonde::analyzer {

/// One JSON object: for each classifier its macro and weighted scores, accuracy, seconds, the scores of each
/// class and the confusion matrix (rows: true class).
std::string classify_json(const ClassifyOutcome& outcome);

/// The same for people: a table of the classifiers, one of the classes, and the source's own results.
std::string classify_markdown(const ClassifyOutcome& outcome);

/// A text as a cell of a table: a label may hold what ends one.
std::string markdown_cell(std::string_view text);

/// A picture (SVG) of one classifier's confusion matrix: each row of colours is a true class, each cell says
/// how many of its rows were told to be of that column's class.
std::string confusion_svg(const ClassifyOutcome& outcome, const ClassifierOutcome& classifier);

/// CSV: the number of each row of the test part, from 0, and what each classifier told.
std::string predictions_csv(const ClassifyOutcome& outcome);

}  // namespace sonde::analyzer
