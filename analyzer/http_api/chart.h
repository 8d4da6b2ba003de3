#pragma once

#include <string>

#include "analyzer/report/report.h"

namespace sonde::analyzer {

/// An inline SVG of a piece of evidence: its points as a line (broken at gaps), the expected level dashed,
/// the largest value and the time span as text. Empty where there are no points.
std::string evidence_chart(const Evidence& evidence);

}  // namespace sonde::analyzer
