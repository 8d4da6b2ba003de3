#pragma once

#include <string>
#include <vector>

#include "analyzer/config/metric_map.h"
#include "common/yaml_section.h"

namespace sonde::analyzer {

/// Reads the `metric_map` section: the presets named there first, in their order, then the entries that stand
/// beside them, key by key over what a preset says. `presets` are the names of those.
void parse_metric_map(YamlSection section, std::vector<std::string>& presets, MetricMap& map);

}  // namespace sonde::analyzer
