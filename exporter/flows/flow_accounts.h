#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <thread>

#include "common/clock.h"
#include "common/http/message.h"
#include "common/result.h"
#include "exporter/container_table.h"
#include "exporter/flows/flow_details.h"
#include "exporter/flows/flow_drops.h"
#include "exporter/flows/flow_monitor.h"
#include "exporter/flows/flow_pods.h"
#include "exporter/flows/flow_rows.h"
#include "exporter/flows/flow_table.h"
#include "exporter/flows/mapping/translation_table.h"
#include "exporter/flows/pair_table.h"
#include "exporter/flows/peer_table.h"

namespace sonde::exporter {

/// What the programs of a FlowMonitor count, as rows for /metrics and as the page /flows.
///
/// Pairs are drained at each update(). A thread of its own makes room for others: where slots run short or an
/// interface is gone, and once a minute, also where nobody scrapes. Threads: update(), rows() and unlisted()
/// from one; the rest is safe. `bpf`, `monitor` and what `containers` asks, from any thread, outlive it.
class FlowAccounts {
 public:
  FlowAccounts(const BpfContext& bpf, FlowMonitor& monitor, const FlowRowsOptions& rows,
               NamedNetworks networks, std::function<std::shared_ptr<const ContainerTable>()> containers);
  FlowAccounts(const FlowAccounts&) = delete;
  FlowAccounts& operator=(const FlowAccounts&) = delete;

  /// Once a scrape: takes in what was counted since the last one. Errors: the kernel's maps could not be
  /// read; nothing is lost.
  Result<void> update(const ContainerTable& containers, SteadyTime now);
  /// As of the last update(); of PairCounts each.
  [[nodiscard]] std::span<const FlowRows::Row* const> rows() const { return rows_.rows(); }
  /// Pairs of a pod and a peer that are part of ~other.
  [[nodiscard]] size_t unlisted() const { return rows_.unlisted(); }

  /// Interfaces' remote addresses that are counted now.
  [[nodiscard]] size_t pairs() const;
  /// Interfaces some of whose remote addresses found no room in the last minute.
  [[nodiscard]] size_t overflowed() const;
  [[nodiscard]] FlowMonitor& monitor() const { return monitor_; }
  [[nodiscard]] FlowTable& table() { return table_; }

  /// Answers GET /flows. `translations`: as flows_json().
  http::Response page(const http::Request& request, const TranslationTable* translations);

 private:
  void look_around(const ContainerTable& containers, SteadyTime now);
  void forget_gone(std::span<const FlowInterface> interfaces);
  Result<void> drain(SteadyTime now);
  void add(std::span<const PairDelta> deltas, SteadyTime now);
  void add(std::span<const FlowDrops::Delta> deltas, SteadyTime now);
  void make_room(SteadyTime now, std::unique_lock<std::mutex>& lock);
  [[nodiscard]] FlowDetails details() const;
  void run(const std::stop_token& stop);

  FlowMonitor& monitor_;
  const std::function<std::shared_ptr<const ContainerTable>()> containers_;
  FlowTable table_;
  mutable std::mutex mutex_;  ///< guards all below but what rows() and unlisted() read
  std::condition_variable_any wake_;
  PairTable pair_table_;
  FlowDrops drops_;
  FlowPods pods_;
  PeerTable peers_;
  FlowRows rows_;
  std::set<FlowPods::Interface> interfaces_;
  std::set<FlowPods::Interface> gone_;  ///< whose flows are still in the table
  SteadyTime made_room_at_{};
  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::exporter
