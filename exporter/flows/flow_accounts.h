#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <stop_token>
#include <thread>

#include "common/clock.h"
#include "common/http/message.h"
#include "common/result.h"
#include "exporter/container_table.h"
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
/// Pairs are drained at each update(), and in between by a thread of its own where few slots are left or
/// nobody scrapes. Threads: update(), rows() and unlisted() from one; the rest is safe. `monitor` outlives
/// it.
class FlowAccounts {
 public:
  FlowAccounts(FlowMonitor& monitor, const FlowRowsOptions& rows, NamedNetworks networks);
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
  [[nodiscard]] FlowMonitor& monitor() const { return monitor_; }
  [[nodiscard]] const FlowTable& table() const { return table_; }

  /// Answers GET /flows. `translations`: as flows_json().
  http::Response page(const http::Request& request, const TranslationTable* translations);

 private:
  Result<void> drain(SteadyTime now);
  void forget_gone(std::span<const FlowInterface> interfaces);
  void run(const std::stop_token& stop);

  FlowMonitor& monitor_;
  FlowTable table_;
  mutable std::mutex mutex_;  ///< guards all below but what rows() and unlisted() read
  std::condition_variable_any wake_;
  PairTable pair_table_;
  FlowPods pods_;
  PeerTable peers_;
  FlowRows rows_;
  std::set<FlowPods::Interface> interfaces_;
  SteadyTime drained_at_{};
  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::exporter
