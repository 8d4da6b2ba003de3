#include "identity/container_record.h"

namespace sonde::identity {

namespace {

std::string workload_of(const ContainerRecord& record, std::string_view node) {
  if (record.pod.empty()) return workload_of_container(record.container, record.labels);
  std::string workload = workload_of_pod(record.pod, record.labels, node);
  // Without any label nothing tells a controller's pod from others but its name.
  return record.labels.empty() && workload == record.pod ? workload_of_pod(record.pod) : workload;
}

}  // namespace

ContainerName name_of(const ContainerRecord& record, std::string_view node) {
  return {.name_space = record.name_space,
          .pod = record.pod,
          .container = record.container,
          .service = workload_of(record, node)};
}

ContainerName name_of_unknown(const ContainerCgroup& cgroup) {
  constexpr size_t kShortId = 12;
  const std::string id = cgroup.id.substr(0, kShortId);
  return {.name_space = "",
          .pod = cgroup.pod_uid,
          .container = id,
          .service = cgroup.pod_uid.empty() ? id : cgroup.pod_uid};
}

}  // namespace sonde::identity
