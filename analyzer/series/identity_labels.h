#pragma once

#include "analyzer/series/label_set.h"

namespace sonde::analyzer {

/// The four labels that say whose series it is.
inline constexpr std::string_view kIdentityLabels[] = {"namespace", "pod", "container", "service"};

/// Undoes what a scrape without honor_labels does to the four identity labels: there Prometheus keeps its own
/// target's labels and renames ours to exported_namespace and so on. Where any exported_ form of the four
/// exists, only those count, and a missing one is absent (Prometheus drops an empty exported label).
/// Otherwise the labels are returned as they are.
/// Source: Prometheus, configuration, honor_labels.
LabelSet normalise_identity(const LabelSet& labels);

}  // namespace sonde::analyzer
