#pragma once

#include "analyzer/config/config.h"
#include "analyzer/pipeline/analysis.h"
#include "analyzer/source/source_options.h"
#include "common/result.h"

namespace sonde::analyzer {

/// The part of the configuration that each layer below takes, in that layer's own words.
AnalysisOptions analysis_options(const Config& config);
/// Errors: kInvalid, naming the key.
Result<SourceOptions> source_options(const Config& config);

}  // namespace sonde::analyzer
