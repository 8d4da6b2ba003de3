#pragma once

#include <span>
#include <string>

#include "analyzer/detectors/detector.h"
#include "analyzer/report/report.h"

namespace sonde::analyzer {

/// Fills a finding's evidence from the container's z-score (strongest quantities first, its fault at the
/// head) with the last columns of each, and the same quantity of the service's other containers.
void attach_evidence(const DetectorInput& input, std::span<const Score> scores, Finding& finding);

/// One sentence for people: what moved, from where to where, and what speaks for this container.
/// `explained` is the factor of growth that the load and the other services account for.
std::string explain_culprit(const DetectorInput& input, std::span<const Score> scores, const Finding& finding,
                            double explained);

}  // namespace sonde::analyzer
