#pragma once

#include <span>
#include <string_view>

#include "common/metrics/series_writer.h"
#include "exporter/container_table.h"

namespace sonde::exporter {

/// One of cAdvisor's metrics and where its value comes from.
struct CadvisorName {
  std::string_view name;
  std::string_view type;     ///< the format's word
  std::string_view source;   ///< the family of this exporter
  std::string_view only{};   ///< of its samples those whose labels hold this text; "": all
  std::string_view label{};  ///< one more label, as written: `cpu="total"`
  double factor = 1;         ///< of cAdvisor's unit in this exporter's
  double constant = 0;       ///< if not 0: the value, wherever the source has one
};

/// Every metric that write_cadvisor_names() may write; several lines of one name and label are summed.
std::span<const CadvisorName> cadvisor_names();

/// Writes the quantities of a page again, under the names and labels that kubelet's cAdvisor has for them:
/// namespace, pod, container, id (the cgroup), image, name. Rows without pod and container are left out, as
/// it has none. `page`: what the collectors wrote for these containers; not the text of `writer`.
void write_cadvisor_names(std::string_view page, const ContainerTable& containers,
                          metrics::SeriesWriter& writer);

}  // namespace sonde::exporter
