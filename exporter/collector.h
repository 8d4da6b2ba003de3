#pragma once

#include <stop_token>

#include "common/clock.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/container_table.h"

namespace sonde::exporter {

/// What a collector gets at each scrape.
struct CollectContext {
  const ContainerTable& containers;  ///< a snapshot; the same for all collectors of the scrape
  SteadyTime deadline;               ///< best effort; a collector that passes it is skipped until it returns
};

/// One topic of metrics. Adding one: a .cpp in collectors/ and a row in collector_table.cpp.
///
/// Threads: collect() is called from one thread at a time, never while an earlier call still runs.
class Collector {
 public:
  virtual ~Collector() = default;

  /// Writes this topic's families, each once and whole.
  /// Errors: only where nothing useful was written; a single unreadable file is a counter, not an error.
  virtual Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) = 0;
};

}  // namespace sonde::exporter
