#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "common/clock.h"
#include "common/http/message.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/bpf_context.h"
#include "exporter/container_table.h"
#include "exporter/flows/mapping/conntrack_source.h"
#include "exporter/flows/mapping/mapping_options.h"
#include "exporter/flows/mapping/mapping_page.h"
#include "exporter/flows/mapping/mapping_programs.h"
#include "exporter/flows/mapping/own_addresses.h"
#include "exporter/flows/mapping/path_rows.h"
#include "exporter/flows/mapping/pod_addresses.h"
#include "exporter/flows/mapping/underlay_interfaces.h"

namespace sonde::exporter {

/// The mapping primitive: which pods' flows ride which of the underlay's, through tunnels and NAT.
///
/// Threads: update() and write() of one; page() and translations() of any.
class FlowMapping {
 public:
  /// Loads the programs and attaches them to the interfaces that are there. Errors: as
  /// MappingPrograms::load() and UnderlayInterfaces::update(); the capability table has the reason.
  static Result<std::unique_ptr<FlowMapping>> start(BpfContext& context, MappingOptions options);

  /// Takes in what was measured since the last call. Errors: nothing could be read.
  Result<void> update(const ContainerTable& containers, SteadyTime now);
  /// Writes the families of metrics(), as of the last update.
  void write(metrics::SeriesWriter& writer) const;
  /// Answers GET /mappings. Addresses are named as of the last update.
  [[nodiscard]] http::Response page(const http::Request& request);

  /// NAT of the node, for everybody who sees flows before it.
  [[nodiscard]] ConntrackSource& conntrack() { return conntrack_; }

  static std::span<const metrics::MetricRow> metrics();

 private:
  FlowMapping(MappingOptions options, std::unique_ptr<MappingPrograms> programs);
  Result<void> count_mappings(SteadyTime now);
  void count_plain_paths(const MappingPrograms::Paths& paths, uint64_t made);
  void drop_resting(const MappingPrograms::Paths& paths, uint64_t now_ns);
  void drop(const path_key& key);

  const MappingOptions options_;
  const std::unique_ptr<MappingPrograms> programs_;
  OwnAddresses own_addresses_;
  UnderlayInterfaces interfaces_;
  PodAddressSource addresses_;
  ConntrackSource conntrack_;
  PathRows rows_;
  std::optional<SteadyTime> counted_at_;
  size_t present_ = 0;    ///< entries of the map `mappings` then
  uint64_t made_ = 0;     ///< entries that it ever had
  uint64_t evicted_ = 0;  ///< those that left for others
  uint64_t plain_paths_dropped_ = 0;
  uint64_t plain_paths_evicted_ = 0;

  std::mutex mutex_;  ///< guards names_
  std::shared_ptr<const MappingNames> names_ = std::make_shared<const MappingNames>();
};

}  // namespace sonde::exporter
