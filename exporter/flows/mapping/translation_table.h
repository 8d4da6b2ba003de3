#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <unordered_map>

#include "exporter/flows/mapping/connection.h"

namespace sonde::exporter {

/// A flow from one side's point of view.
struct FlowView {
  Endpoint local;
  Endpoint remote;
  uint8_t protocol = 0;  ///< IPPROTO_…

  friend auto operator<=>(const FlowView&, const FlowView&) = default;
};

/// Which flows NAT and masquerade change on this node, both ways round. Immutable; threads: safe.
class TranslationTable {
 public:
  TranslationTable() = default;
  explicit TranslationTable(std::span<const TranslatedConnection> connections);

  /// What a flow that is seen at a container's own interface is beyond the node's NAT: its remote is the pod
  /// behind a service's address, its local the node's address behind which the pod hides. Nothing where it is
  /// not translated, or where two connections (of two zones) look alike from here.
  [[nodiscard]] std::optional<FlowView> beyond(const FlowView& at_container) const;
  /// The reverse: what a flow seen beyond the NAT is at the container's interface.
  [[nodiscard]] std::optional<FlowView> at_container(const FlowView& beyond) const;

  [[nodiscard]] size_t connections() const { return connections_; }

 private:
  struct Known {
    FlowView other;
    bool ambiguous = false;
  };
  /// By what the local end sends.
  using Views = std::unordered_map<Tuple, Known, TupleHash>;

  void add(const FlowView& inside, const FlowView& outside);
  static std::optional<FlowView> find(const Views& views, const FlowView& view);

  size_t connections_ = 0;
  Views beyond_;
  Views inside_;
};

}  // namespace sonde::exporter
