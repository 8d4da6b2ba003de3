// Arbitrary bytes as a runtime's state file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "identity/runtime_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sonde::identity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bundle = parse_oci_bundle(text);
  if (bundle && bundle->pod.empty()) std::abort();
  const auto docker = parse_docker_config(text);
  if (docker && docker->id.empty()) std::abort();
  const auto podman = parse_podman_containers(text);
  if (!podman) return 0;
  for (const ContainerRecord& record : *podman) {
    if (record.id.empty() || record.container.empty()) std::abort();
  }
  return 0;
}
