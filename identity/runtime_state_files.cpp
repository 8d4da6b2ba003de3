#include "identity/runtime_state_files.h"

#include <sys/stat.h>

#include <array>
#include <optional>

#include "identity/cgroup_file.h"
#include "identity/runtime_state.h"

namespace sonde::identity {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;

/// Where the runtimes keep their files unless their configuration says otherwise; k3s and RKE2 bring their
/// own containerd.
constexpr std::array kContainerdStates{"/run/containerd", "/run/k3s/containerd", "/run/docker/containerd"};
constexpr std::array kContainerdNamespaces{"k8s.io", "moby", "default"};
constexpr std::array kBundleFolders{"/run/containers/storage/overlay-containers",
                                    "/var/lib/containers/storage/overlay-containers"};
constexpr std::array kDockerRoots{"/var/lib/docker"};
/// volatile-…: of `podman run --rm`, as Quadlet's units do it.
constexpr std::array kPodmanLists{"/var/lib/containers/storage/overlay-containers/containers.json",
                                  "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
                                  "/var/lib/containers/storage/vfs-containers/containers.json",
                                  "/var/lib/containers/storage/vfs-containers/volatile-containers.json"};

bool is_directory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

int64_t nanoseconds(const timespec& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// When a file was last written, as Unix time in seconds; 0 where it is gone.
double written_at(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0
             ? static_cast<double>(nanoseconds(status.st_mtim)) / kNanosecondsPerSecond
             : 0;
}

}  // namespace

RuntimeStateFiles::RuntimeStateFiles(const std::string& rootfs) {
  const std::string root = rootfs == "/" ? "" : rootfs;
  for (const char* const state : kContainerdStates) {
    for (const char* const name_space : kContainerdNamespaces) {
      containerd_.push_back(root + state + "/io.containerd.runtime.v2.task/" + name_space + '/');
    }
  }
  for (const char* const folder : kBundleFolders) storage_.push_back(root + folder + '/');
  for (const char* const folder : kDockerRoots) docker_.push_back(root + folder + "/containers/");
  for (const char* const list : kPodmanLists) podman_.push_back({.path = root + list});
}

NameAnswer RuntimeStateFiles::find(const ContainerCgroup& cgroup) {
  std::optional<ContainerRecord> record = find_bundle(cgroup);
  if (!record) record = find_docker(cgroup);
  if (!record) record = find_podman(cgroup);
  if (!record) return {};
  record->id = cgroup.id;
  if (cgroup.runtime != Runtime::kUnknown) record->runtime = cgroup.runtime;
  return {NameAnswer::State::kKnown, std::move(*record)};
}

bool RuntimeStateFiles::up() const {
  for (const auto* folders : {&containerd_, &storage_, &docker_}) {
    for (const std::string& folder : *folders) {
      if (is_directory(folder)) return true;
    }
  }
  return false;
}

std::optional<ContainerRecord> RuntimeStateFiles::find_bundle(const ContainerCgroup& cgroup) const {
  const auto read = [&](const std::string& path, Runtime runtime) -> std::optional<ContainerRecord> {
    const auto text = read_file(path);
    if (!text) return std::nullopt;
    auto record = parse_oci_bundle(*text);
    if (!record) return std::nullopt;
    record->started_at = written_at(path);
    record->runtime = runtime;
    return std::move(*record);
  };
  for (const std::string& folder : containerd_) {
    if (auto record = read(folder + cgroup.id + "/config.json", Runtime::kContainerd)) return record;
  }
  for (const std::string& folder : storage_) {
    if (auto record = read(folder + cgroup.id + "/userdata/config.json", Runtime::kCrio)) return record;
  }
  return std::nullopt;
}

std::optional<ContainerRecord> RuntimeStateFiles::find_docker(const ContainerCgroup& cgroup) const {
  for (const std::string& folder : docker_) {
    const auto text = read_file(folder + cgroup.id + "/config.v2.json");
    if (!text) continue;
    auto record = parse_docker_config(*text);
    if (!record || record->id != cgroup.id) continue;
    record->runtime = Runtime::kDocker;
    return std::move(*record);
  }
  return std::nullopt;
}

std::optional<ContainerRecord> RuntimeStateFiles::find_podman(const ContainerCgroup& cgroup) {
  for (PodmanList& list : podman_) {
    struct stat status{};
    if (stat(list.path.c_str(), &status) != 0) continue;
    const int64_t changed_at = nanoseconds(status.st_mtim);
    if (changed_at != list.changed_at || status.st_size != list.size) {
      const auto text = read_file(list.path);
      auto records = text ? parse_podman_containers(*text) : Result<std::vector<ContainerRecord>>();
      if (!text || !records) continue;  // it is being written
      list.records.clear();
      for (ContainerRecord& record : *records) list.records.emplace(record.id, record);
      list.changed_at = changed_at;
      list.size = status.st_size;
    }
    const auto found = list.records.find(cgroup.id);
    if (found == list.records.end()) continue;
    ContainerRecord record = found->second;
    record.runtime = Runtime::kPodman;
    return record;
  }
  return std::nullopt;
}

}  // namespace sonde::identity
