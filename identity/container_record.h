#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/workload_name.h"
#include "identity/container_name.h"

namespace sonde::identity {

/// What a runtime knows of one container.
struct ContainerRecord {
  std::string id;          ///< as in its cgroup's path
  std::string name_space;  ///< of the pod; "" outside of pods
  std::string pod;
  std::string pod_uid;
  std::string container;
  bool sandbox = false;  ///< the pod's own container, which holds its namespaces: a pause process
  std::string image;     ///< as it was asked for
  RuntimeLabels labels;  ///< of the container, and of its pod where they are known
};

/// The four labels of a container of whose pod `node` runs.
ContainerName name_of(const ContainerRecord& record, std::string_view node);

}  // namespace sonde::identity
