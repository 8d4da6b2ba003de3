#pragma once

#include <regex.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/flow_key.h"
#include "common/result.h"
#include "exporter/flows/container_namespaces.h"
#include "exporter/flows/links.h"

namespace sonde::exporter {

/// Where the flow programs are attached (--flows.attach).
enum class FlowAttach {
  kHostEnds,    ///< the host ends of containers' veth pairs: what a container sends comes in there
  kContainers,  ///< every interface but lo inside the containers' network namespaces
  kNode,        ///< the node's own interfaces
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

/// One that they should be attached to.
struct WantedInterface {
  FlowInterface interface{};
  int32_t process = 0;  ///< the container's, to enter its network namespace by; 0: it is the thread's own
};

/// What to attach to, and what was left out.
struct InterfacePlan {
  std::vector<WantedInterface> wanted{};
  size_t unowned = 0;  ///< host ends that lead to no known container
};

/// Decides which interfaces the flow programs belong to. Threads: one.
class InterfacePlanner {
 public:
  /// `space`: the number of the namespace whose links plan() is given. `node_interfaces`: as in
  /// FlowInterfacesOptions. Errors: kInvalid for a wrong expression.
  static Result<InterfacePlanner> create(FlowAttach attach, uint32_t space,
                                         const std::string& node_interfaces);

  /// `links` and `addresses`: of the thread's own namespace, links by index; addresses with kNode only.
  InterfacePlan plan(const std::map<uint32_t, Link>& links, const std::vector<InterfaceAddress>& addresses,
                     const ContainerNamespaces& containers);
  /// A link is gone; what has its index next is another.
  void forget(uint32_t index) { owners_.erase(index); }

 private:
  struct FreeExpression {
    void operator()(regex_t* expression) const;
  };
  /// Whose packets a host end's are. That stays so while the link leads to the same namespace, also when its
  /// container is unknown for a while because a process of it ended.
  struct Owner {
    int32_t number = 0;
    uint64_t inode = 0;
  };

  InterfacePlanner(FlowAttach attach, uint32_t space)
      : attach_(attach), space_(space), next_space_(space + 1) {}
  InterfacePlan host_ends(const std::map<uint32_t, Link>& links, const ContainerNamespaces& containers);
  InterfacePlan node(const std::map<uint32_t, Link>& links,
                     const std::vector<InterfaceAddress>& addresses) const;
  InterfacePlan inside_containers(const ContainerNamespaces& containers);
  [[nodiscard]] bool is_nodes(const Link& link, const std::map<uint32_t, Link>& links) const;

  FlowAttach attach_;
  uint32_t space_;
  std::unique_ptr<regex_t, FreeExpression> node_interfaces_;
  std::map<uint32_t, Owner> owners_;  ///< by index
  /// The spaces of containers' namespaces, by inode and number in this one.
  std::map<std::pair<uint64_t, int32_t>, uint32_t> spaces_;
  uint32_t next_space_;
};

}  // namespace sonde::exporter
