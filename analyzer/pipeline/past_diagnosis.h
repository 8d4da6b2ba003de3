#pragma once

#include <cstdint>
#include <memory>

#include "analyzer/pipeline/analysis.h"
#include "analyzer/report/diagnosis_queue.h"
#include "analyzer/report/report.h"
#include "analyzer/source/source.h"
#include "common/result.h"

namespace sonde::analyzer {

/// The longest window that may be asked for, in steps.
inline constexpr int64_t kMostPastColumns = 2000;

/// Reads a past window back and judges it with fresh detectors, column by column up to the time asked for:
/// the report that stood then, had the analyzer been started at the window's begin.
///
/// Errors: kInvalid for a window of more than kMostPastColumns steps (and longer than the default: what the
/// analyzer reads at its start it may read again), since all of it is held and judged; those of the source;
/// kNotFound where no column was complete by that time.
Result<ReportPointer> diagnose_past(const AnalysisOptions& options,
                                    std::shared_ptr<const MetricMapper> mapper, Source& source,
                                    int64_t default_window_ms, const PastRequest& request);

}  // namespace sonde::analyzer
