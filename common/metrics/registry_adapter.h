#pragma once

#include <span>

#include "common/metrics/series_writer.h"

namespace prometheus {
class Collectable;
struct MetricFamily;
}  // namespace prometheus

namespace sonde::metrics {

/// Writes what a prometheus-cpp registry, or any Collectable, holds at this moment. A program's own
/// instrumentation lives there; this is its only way into the exposition.
///
/// Families of the same name are written as one. Timestamps are left out: a scrape is always of now.
void write_collectable(const prometheus::Collectable& source, SeriesWriter& writer);

/// The same for families that were collected already, from several sources for instance.
void write_families(std::span<const prometheus::MetricFamily> families, SeriesWriter& writer);

}  // namespace sonde::metrics
