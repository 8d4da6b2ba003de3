#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "identity/name_source.h"

namespace sonde::identity {

/// Names from the files that containerd, CRI-O, Docker and Podman keep of their containers: there before the
/// container's first process, and without a socket. Cost of a look-up: some 20 µs for each place looked in.
/// Threads: one.
class RuntimeStateFiles final : public NameSource {
 public:
  /// `rootfs`: where the host's root is mounted, "/" or such as "/host".
  explicit RuntimeStateFiles(const std::string& rootfs);

  [[nodiscard]] std::string_view word() const override { return "state_files"; }
  NameAnswer find(const ContainerCgroup& cgroup) override;
  /// Whether any of the runtimes' folders is there.
  [[nodiscard]] bool up() const override;

 private:
  /// Podman's list of all its containers, read again when the file has changed.
  struct PodmanList {
    std::string path;
    int64_t changed_at = 0;  ///< nanoseconds
    int64_t size = -1;
    std::map<std::string, ContainerRecord, std::less<>> records{};
  };

  std::optional<ContainerRecord> find_bundle(const ContainerCgroup& cgroup) const;
  std::optional<ContainerRecord> find_docker(const ContainerCgroup& cgroup) const;
  std::optional<ContainerRecord> find_podman(const ContainerCgroup& cgroup);

  std::vector<std::string> containerd_;  ///< folders of tasks, one for each of its namespaces
  std::vector<std::string> storage_;     ///< folders of bundles of CRI-O and Podman
  std::vector<std::string> docker_;      ///< folders of Docker's containers
  std::vector<PodmanList> podman_;
};

}  // namespace sonde::identity
