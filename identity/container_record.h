#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/workload_name.h"
#include "identity/container_cgroup.h"
#include "identity/container_name.h"

namespace sonde::identity {

/// What a runtime knows of one container.
struct ContainerRecord {
  std::string id{};          ///< as in its cgroup's path
  std::string name_space{};  ///< of the pod; "" outside of pods
  std::string pod{};
  std::string pod_uid{};
  std::string container{};
  bool sandbox = false;  ///< the pod's own container, which holds its namespaces: a pause process
  std::string image{};   ///< as it was asked for
  /// The digest that the runtime knows the image by: of its manifest in a registry, else of its
  /// configuration.
  std::string image_digest{};
  Runtime runtime = Runtime::kUnknown;
  double started_at = 0;   ///< Unix time in seconds; 0 where it is not known
  RuntimeLabels labels{};  ///< of the container, and of its pod where they are known
};

/// The four labels of a container of whose pod `node` runs.
ContainerName name_of(const ContainerRecord& record, std::string_view node);
/// The four labels of a container that no source knows, from what its cgroup's path says.
ContainerName name_of_unknown(const ContainerCgroup& cgroup);

}  // namespace sonde::identity
