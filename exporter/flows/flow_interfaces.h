#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bpf/flow_key.h"
#include "common/metrics/metric_row.h"
#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

struct FlowProgramDescriptors;  // exporter/flows/flow_programs.h

/// Where the flow programs are attached (--flows.attach).
enum class FlowAttach {
  kHostEnds,    ///< the host ends of containers' veth pairs: what a container sends comes in there
  kContainers,  ///< every interface but lo inside the containers' network namespaces
  kNode,        ///< the node's own interfaces
};

/// A container that has a network namespace of its own, and a process in it.
struct ContainerNetwork {
  uint64_t network_namespace = 0;  ///< inode
  int32_t process = 0;
};

/// An interface that the flow programs are attached to.
struct FlowInterface {
  uint32_t space = 0;  ///< as in flow_key: number of the network namespace that the interface is in
  uint32_t index = 0;
  std::string name{};
  /// Inode of the network namespace of the container whose packets these are; 0: the node's own interface.
  uint64_t network_namespace = 0;
  std::vector<flow_address> addresses{};  ///< of the container, or of the node's interface
};

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
  /// The programs of a space, asked once for each before the first interface of it is attached to.
  std::function<Result<FlowProgramDescriptors>(uint32_t space)> programs{};
  /// Tells that nothing of a space is attached any more; may be empty.
  std::function<void(uint32_t space)> release{};
  /// The containers as of now; asked from a thread of its own, again after each change of interfaces.
  std::function<std::vector<ContainerNetwork>()> containers{};
};

/// Keeps the flow programs attached to the interfaces of the containers while these come and go.
///
/// A thread of its own hears of links by netlink; when events were lost it lists all links anew. The
/// container behind a host end is found without entering its namespace: the link names the number that the
/// other end's namespace has here, and so does RTM_GETNSID for /proc/PID/ns/net of the container's process.
/// Addresses are listed from outside too (IFA_TARGET_NETNSID). So host ends need CAP_NET_ADMIN and, for other
/// users' /proc/PID/ns, CAP_SYS_PTRACE; kContainers and network_namespace enter namespaces and need
/// CAP_SYS_ADMIN. Threads: safe.
class FlowInterfaces {
 public:
  /// Returns when the interfaces that are there are attached to. Errors: kInvalid (no such namespace, a wrong
  /// expression), kPermission, kUnsupported.
  static Result<std::unique_ptr<FlowInterfaces>> start(FlowInterfacesOptions options);
  ~FlowInterfaces();
  FlowInterfaces(const FlowInterfaces&) = delete;
  FlowInterfaces& operator=(const FlowInterfaces&) = delete;

  /// The interfaces that programs are attached to now.
  [[nodiscard]] std::vector<FlowInterface> current() const;
  /// The addresses of all containers, as of at most half a minute ago.
  [[nodiscard]] std::vector<ContainerAddresses> addresses() const;

  /// Writes the families of metrics().
  void write(metrics::SeriesWriter& writer) const;
  static std::span<const metrics::MetricRow> metrics();

 private:
  class Worker;
  struct Published;

  FlowInterfaces();

  std::shared_ptr<Published> published_;
  std::unique_ptr<Worker> worker_;
  std::jthread thread_;  ///< last: the rest exists before it starts and until it has ended
};

}  // namespace sonde::exporter
