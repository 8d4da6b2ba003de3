#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bpf/flow_key.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/flows/container_namespaces.h"
#include "exporter/flows/interface_plan.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

struct FlowProgramDescriptors;  // exporter/flows/flow_programs.h

/// The addresses of one container, whether or not an interface of it has programs.
struct ContainerAddresses {
  uint64_t network_namespace = 0;
  std::vector<flow_address> addresses{};
};

struct FlowInterfacesOptions {
  FlowAttach attach = FlowAttach::kHostEnds;
  /// Name below /run/netns, or path, of the network namespace that host ends or the node's interfaces are
  /// taken from; empty: the exporter's own.
  std::string network_namespace{};
  /// With kNode: the interfaces whose whole name matches; empty: the physical ones, bonds and teams.
  std::string node_interfaces{};
  std::string procfs = "/proc";
  TcMeans means = TcMeans::kBest;
  /// Of the queue of link events; when it overflows all links are listed anew.
  int event_bytes = 4 << 20;
  /// All links are listed so often although no event was lost, and filters that somebody deleted are noticed.
  std::chrono::milliseconds list_period{60'000};
  /// The programs of a space, asked once before the first interface of it is attached to. Spaces: 0 is the
  /// exporter's own network namespace, 1 the one of `network_namespace`, further ones are containers'.
  std::function<Result<FlowProgramDescriptors>(uint32_t space)> programs{};
  /// Tells that nothing of a container's space is attached any more, for good; may be empty.
  std::function<void(uint32_t space)> release{};
  /// The containers as of now. Called by the thread of FlowInterfaces every 2 s and after each change of
  /// links.
  std::function<std::vector<ContainerNetwork>()> containers{};
};

/// Keeps the flow programs attached to the interfaces of the containers while these come and go.
///
/// A thread of its own hears of links by netlink; when events were lost it lists all links anew. The
/// container behind a host end is found without entering its namespace: the link names the number that the
/// other end's namespace has here, and RTM_GETNSID that of /proc/PID/ns/net of the container's process.
/// Addresses are listed from outside too (IFA_TARGET_NETNSID). So host ends need CAP_NET_ADMIN and, for other
/// users' /proc/PID/ns, CAP_SYS_PTRACE; kContainers and network_namespace enter namespaces and need
/// CAP_SYS_ADMIN. Threads: safe.
class FlowInterfaces {
 public:
  /// Returns when the interfaces that are there are attached to, or after half a second: those inside of many
  /// containers take longer. Errors: kInvalid (no such namespace, a wrong
  /// expression), kPermission, kUnsupported.
  static Result<std::unique_ptr<FlowInterfaces>> start(FlowInterfacesOptions options);
  ~FlowInterfaces();
  FlowInterfaces(const FlowInterfaces&) = delete;
  FlowInterfaces& operator=(const FlowInterfaces&) = delete;

  /// The interfaces that programs are attached to now.
  [[nodiscard]] std::vector<FlowInterface> current() const;
  /// The addresses of all containers, as of at most half a minute ago.
  [[nodiscard]] std::vector<ContainerAddresses> addresses() const;
  /// What programs are held by: kTcx or kClsact.
  [[nodiscard]] TcMeans means() const;

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  struct Published;

  FlowInterfaces();

  std::unique_ptr<Published> published_;
  int wake_;             ///< an eventfd, to end the thread by
  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::exporter
