#pragma once

#include <span>

namespace sonde::analyzer {

/// Dynamic time warping distance: the smallest sum of squared differences over all monotone alignments of the
/// two series that match their ends, without a window.
///
/// Shape: any two lengths, REQUIRES both at least 1 and no NaN.
/// Unit: the series' unit squared. Symmetric, 0 for equal series, not a metric (no triangle inequality).
/// Cost: O(|a| |b|) time, O(|b|) memory, by rows.
/// Source: Sakoe and Chiba 1978, with the squared point cost of the UCR archive.
double dtw_squared(std::span<const double> a, std::span<const double> b);

/// sqrt(dtw_squared / max(|a|, |b|)): the root mean square difference along the alignment, so that lengths
/// compare. Unit: the series' unit.
double dtw_distance(std::span<const double> a, std::span<const double> b);

}  // namespace sonde::analyzer
