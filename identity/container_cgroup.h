#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sonde::identity {

/// What made a container, as far as its cgroup's name tells.
enum class Runtime { kUnknown, kContainerd, kCrio, kDocker, kPodman };
/// "containerd", "cri-o", "docker", "podman"; "" for kUnknown.
std::string_view runtime_word(Runtime runtime);

/// What the path of a container's cgroup says of it.
struct ContainerCgroup {
  Runtime runtime = Runtime::kUnknown;
  std::string id{};  ///< the runtime's: 64 hexadecimal digits
  std::string
      pod_uid{};  ///< of Kubernetes, with dashes; 32 digits without for a static pod; "" outside of pods

  friend bool operator==(const ContainerCgroup&, const ContainerCgroup&) = default;
};

/// Reads the path of a cgroup, below the root of its hierarchy, as kubelet, containerd, CRI-O, Docker and
/// Podman make them, with the cgroupfs or the systemd driver, however deep below other containers. Only the
/// container's own cgroup is one: nothing for those above and below it, for conmon's, and for all others.
std::optional<ContainerCgroup> parse_container_cgroup(std::string_view path);

}  // namespace sonde::identity
