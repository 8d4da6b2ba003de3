#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/prometheus_server.h"

namespace sonde::test {

/// Names of the kinds of data, values of the label `kind`.
const std::vector<std::string>& data_kinds();

/// Series of all kinds: `per_kind` of each kind with `samples` samples, metric sonde_test_data, labels
/// instance and kind, ending before end_ms. Spacing is 15 s with the jitter of scrapes, except where the kind
/// is about time. The same arguments give the same bits.
std::vector<WrittenSeries> make_ten_kinds(int per_kind, int samples, int64_t end_ms);

}  // namespace sonde::test
