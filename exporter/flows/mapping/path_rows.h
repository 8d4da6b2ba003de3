#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/flow_mapping.h"
#include "common/metrics/labels.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"

namespace sonde::exporter {

/// A path without packets for so long is forgotten, and its row goes.
inline constexpr std::chrono::minutes kPathRests{10};

/// What the paths' rows say of a path that the kernel does not know.
struct PathLabels {
  metrics::Labels pod;    ///< of the pod with the local address: namespace,pod,container,service
  bool is_pod = false;    ///< else `pod` has four empty labels
  std::string interface;  ///< the underlay's, by name
};

/// The paths' times as rows of a bounded number.
///
/// A path keeps its row as long as it lives, and until it has rested where it was evicted from the kernel's
/// table: there it may be again, and goes on counting. So no more rows come in kPathRests than there are
/// places. Free ones go to those with the most bytes, those without tunnel have half of them at most, and
/// only when something of theirs was timed: anybody may be their remote. What is measured of paths without a
/// row is the row's whose service is ~other: the sum over all rows never falls as long as the paths live.
/// Paths whose local end is no pod are left out. Threads: one.
class PathRows {
 public:
  using Paths = std::vector<std::pair<path_key, path_state>>;
  using LabelsOf = std::function<PathLabels(const path_key&)>;

  explicit PathRows(size_t max_rows) : max_rows_(max_rows) {}

  /// Takes in one reading of the paths; none that has been of another pod than now (see ended()). `now_ns`:
  /// by the clock of path_state::last_ns.
  void update(const Paths& paths, const LabelsOf& labels_of, uint64_t now_ns);
  /// Paths of the last reading whose pod is gone, or whose address another pod has now: they are to be
  /// deleted and forgotten, so that what comes is not added to what was.
  [[nodiscard]] const std::vector<path_key>& ended() const { return ended_; }
  /// Takes in the last state of a path that was deleted; its row goes.
  void forget(const path_key& key, const path_state& last);

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

  /// Paths with a row of their own, and those without.
  [[nodiscard]] size_t listed() const { return listed_; }
  [[nodiscard]] size_t unlisted() const { return unlisted_; }

 private:
  struct Times {
    latency_histogram rtt{};
    latency_histogram local_rtt{};
  };
  struct Path {
    Times last;            ///< as read
    uint64_t made_ns = 0;  ///< of what was read: an entry that was evicted may be there again
    uint64_t last_ns = 0;  ///< its last packet
    bool plain = false;    ///< without tunnel
    std::string pod;       ///< its labels
    Times row;             ///< of its row; only with has_row
    bool has_row = false;
    bool seen = false;
    uint64_t bytes = 0;
    metrics::Labels labels;
  };
  using Key = std::array<uint8_t, sizeof(path_key)>;

  static void add_new(Times& to, const Times& last, const path_state& now);
  void forget_evicted(const LabelsOf& labels_of, uint64_t now_ns);
  void give_rows(std::vector<Path*>& without);

  const size_t max_rows_;
  std::vector<path_key> ended_;
  std::map<Key, Path> paths_;
  Times other_;
  size_t listed_ = 0;
  size_t unlisted_ = 0;
};

}  // namespace sonde::exporter
