#include "identity/container_record.h"

namespace sonde::identity {

ContainerName name_of(const ContainerRecord& record, std::string_view node) {
  return {.name_space = record.name_space,
          .pod = record.pod,
          .container = record.container,
          .service = record.pod.empty() ? workload_of_container(record.container, record.labels)
                                        : workload_of_pod(record.pod, record.labels, node)};
}

}  // namespace sonde::identity
