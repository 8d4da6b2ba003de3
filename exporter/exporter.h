#pragma once

#include <memory>
#include <string>

#include "common/http/server.h"
#include "exporter/capability.h"
#include "exporter/collector_set.h"
#include "exporter/discovery.h"
#include "exporter/environment.h"
#include "exporter/flows/flow_accounts.h"
#include "exporter/flows/flow_monitor.h"
#include "exporter/flows/mapping/flow_mapping.h"
#include "exporter/flows/tracing/trace_trigger.h"
#include "exporter/flows/tracing/tracer.h"
#include "exporter/options.h"

namespace sonde::exporter {

/// Everything behind /metrics: discovery, the collectors that the options ask for, and what the exporter says
/// of itself. Threads: scrape() and refuse_because() are safe; the rest is main's.
class Exporter {
 public:
  /// Builds it from the options; loads the BPF programs. What does not work here is off and logged, one line
  /// each. Errors: kInvalid for a wrong option, kUnavailable where there is no /proc.
  static Result<std::unique_ptr<Exporter>> create(const Options& options);

  /// Writes all metrics.
  void scrape(const http::Scrape& scrape, metrics::SeriesWriter& writer);
  /// Why a request's collect[] or exclude[] cannot be served; "" if it can.
  [[nodiscard]] std::string refuse_because(const http::Request& request) const;

  /// Answers GET /mappings.
  [[nodiscard]] http::Response mappings(const http::Request& request);
  /// Answers GET /flows.
  [[nodiscard]] http::Response flows(const http::Request& request);
  /// Makes traces on request; null where a flag forbids them.
  [[nodiscard]] Tracer* tracer() { return tracer_.get(); }

  /// Ends the collectors' threads; false if one is stuck in a call: then end the process by std::_Exit.
  bool stop();

 private:
  Exporter() = default;
  void make_discovery(const Options& options, ContainerRule rule);
  void judge_network_namespaces(const Options& options);
  void make_flows(const Options& options);
  void make_mapping(const Options& options);
  void make_collectors(const Options& options);
  void make_tracer(const Options& options);
  void make_trigger(const Options& options);
  ContainerSource containers_now();

  // In the order in which they depend on each other.
  CapabilityTable capabilities_;
  ReadFailures read_failures_;
  Environment environment_;
  std::unique_ptr<BpfContext> bpf_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<FlowMonitor> flows_;           ///< null where it is off or does not work
  std::unique_ptr<FlowAccounts> flow_accounts_;  ///< null with flows_
  std::unique_ptr<FlowMapping> mapping_;         ///< null where it is off or cannot work
  bool cadvisor_names_ = false;
  std::unique_ptr<CollectorSet> collectors_;
  std::unique_ptr<Tracer> tracer_;         ///< null where it is off
  std::unique_ptr<TraceTrigger> trigger_;  ///< null without a rule
};

}  // namespace sonde::exporter
