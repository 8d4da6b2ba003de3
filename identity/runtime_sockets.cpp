#include "identity/runtime_sockets.h"

#include <sys/stat.h>

#include <array>
#include <span>

#include "identity/cri_socket.h"
#include "identity/docker_socket.h"
#include "identity/socket_names.h"

namespace sonde::identity {
namespace {

struct Place {
  const char* path;
  Runtime runtime;
};
/// As kubelet looks for them, and where k3s and RKE2 have their own.
constexpr std::array<Place, 3> kCri{{{"/run/containerd/containerd.sock", Runtime::kContainerd},
                                     {"/run/crio/crio.sock", Runtime::kCrio},
                                     {"/run/k3s/containerd/containerd.sock", Runtime::kContainerd}}};
constexpr std::array<Place, 1> kDocker{{{"/run/docker.sock", Runtime::kDocker}}};
constexpr std::array<Place, 1> kPodman{{{"/run/podman/podman.sock", Runtime::kPodman}}};

bool is_socket(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

using MakeSocket = std::unique_ptr<RuntimeSocket> (*)(const std::string& path, Runtime runtime);

void add(std::vector<std::unique_ptr<NameSource>>& sources, std::string_view word, const std::string& option,
         std::span<const Place> places, const std::string& root, MakeSocket make) {
  if (option == "none") return;
  const auto add_one = [&](const std::string& path, Runtime runtime) {
    sources.push_back(std::make_unique<SocketNames>(word, make(path, runtime), SocketNames::Timing()));
  };
  if (!option.empty()) return add_one(option, places.front().runtime);
  for (const Place& place : places) {
    if (is_socket(root + place.path)) return add_one(root + place.path, place.runtime);
  }
}

}  // namespace

std::vector<std::unique_ptr<NameSource>> make_socket_sources(const SocketOptions& options) {
  const std::string root = options.rootfs == "/" ? "" : options.rootfs;
  std::vector<std::unique_ptr<NameSource>> sources;
  add(sources, "cri", options.cri, kCri, root, make_cri_socket);
  add(sources, "docker", options.docker, kDocker, root, make_docker_socket);
  add(sources, "podman", options.podman, kPodman, root, make_docker_socket);
  return sources;
}

}  // namespace sonde::identity
