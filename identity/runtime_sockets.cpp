#include "identity/runtime_sockets.h"

#include <sys/stat.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

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

/// One kind of runtime.
struct Kind {
  std::string_view word;
  std::string SocketOptions::* option;
  std::span<const Place> places;
  MakeSocket make;
};
constexpr std::array<Kind, 3> kKinds{{{"cri", &SocketOptions::cri, kCri, make_cri_socket},
                                      {"docker", &SocketOptions::docker, kDocker, make_docker_socket},
                                      {"podman", &SocketOptions::podman, kPodman, make_docker_socket}}};

struct Asked {
  std::string path;
  Runtime runtime;
};

std::optional<Asked> asked_socket(const Kind& kind, const SocketOptions& options) {
  const std::string& option = options.*kind.option;
  if (option == "none") return std::nullopt;
  if (!option.empty()) return Asked{option, kind.places.front().runtime};
  const std::string root = options.rootfs == "/" ? "" : options.rootfs;
  for (const Place& place : kind.places) {
    if (is_socket(root + place.path)) return Asked{root + place.path, place.runtime};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> asked_sockets(const SocketOptions& options) {
  std::vector<std::string> paths;
  for (const Kind& kind : kKinds) {
    if (auto asked = asked_socket(kind, options)) paths.push_back(std::move(asked->path));
  }
  return paths;
}

std::vector<std::unique_ptr<NameSource>> make_socket_sources(const SocketOptions& options) {
  std::vector<std::unique_ptr<NameSource>> sources;
  for (const Kind& kind : kKinds) {
    const auto asked = asked_socket(kind, options);
    if (!asked) continue;
    sources.push_back(std::make_unique<SocketNames>(kind.word, kind.make(asked->path, asked->runtime),
                                                    SocketNames::Timing()));
  }
  return sources;
}

}  // namespace sonde::identity
