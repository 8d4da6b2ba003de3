#include "identity/runtime_sockets.h"

#include <sys/stat.h>

#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "identity/cri_socket.h"
#include "identity/docker_socket.h"

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

/// Where a socket may be.
struct Candidate {
  std::string path;
  Runtime runtime;
  std::unique_ptr<RuntimeSocket> socket = nullptr;  ///< made when it is first asked
};

/// The socket of one kind of runtime, which may come, go and come elsewhere: its places are looked at anew
/// for each list.
class FoundSocket final : public RuntimeSocket {
 public:
  /// `given`: somebody said where it is, so that it is down where it is not there.
  FoundSocket(std::vector<Candidate> candidates, bool given, MakeSocket make)
      : candidates_(std::move(candidates)), given_(given), make_(make) {}

  Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds timeout) override {
    std::string reason;
    ErrorCode code = answered_ || given_ ? ErrorCode::kUnavailable : ErrorCode::kNotFound;
    for (Candidate& candidate : candidates_) {
      if (!given_ && !is_socket(candidate.path)) {
        reason += (reason.empty() ? "" : "; ") + candidate.path + ": no such socket";
        continue;
      }
      if (!candidate.socket) candidate.socket = make_(candidate.path, candidate.runtime);
      auto records = candidate.socket->list(timeout);
      if (records || records.error().code != ErrorCode::kUnsupported) {
        asked_ = candidate.socket.get();
        answered_ = answered_ || records.has_value();
        return records;
      }
      reason += (reason.empty() ? "" : "; ") + records.error().message;
      if (!given_) code = ErrorCode::kUnsupported;
    }
    return fail(code, reason);
  }

  Result<void> complete(ContainerRecord& record, std::chrono::milliseconds timeout) override {
    if (asked_ == nullptr) return fail(ErrorCode::kNotFound, "no socket was found");
    return asked_->complete(record, timeout);
  }

 private:
  std::vector<Candidate> candidates_;
  bool given_;
  MakeSocket make_;
  RuntimeSocket* asked_ = nullptr;  ///< of candidates_, the one asked last
  bool answered_ = false;           ///< whether one of them ever did
};

bool is_given(const Kind& kind, const SocketOptions& options) {
  return !(options.*kind.option).empty();
}

/// Empty where it is not to be asked.
std::vector<Candidate> candidates_of(const Kind& kind, const SocketOptions& options) {
  std::vector<Candidate> candidates;
  const std::string& option = options.*kind.option;
  if (option == "none") return candidates;
  const std::string root = options.rootfs == "/" ? "" : options.rootfs;
  for (const Place& place : kind.places) {
    candidates.push_back({is_given(kind, options) ? option : root + place.path, place.runtime});
    if (is_given(kind, options)) break;
  }
  return candidates;
}

}  // namespace

SocketPaths socket_paths(const SocketOptions& options) {
  SocketPaths paths;
  for (const Kind& kind : kKinds) {
    for (Candidate& candidate : candidates_of(kind, options)) {
      auto& those = is_given(kind, options) || is_socket(candidate.path) ? paths.asked : paths.awaited;
      those.push_back(std::move(candidate.path));
    }
  }
  return paths;
}

std::vector<std::unique_ptr<NameSource>> make_socket_sources(const SocketOptions& options,
                                                             SocketNames::Timing timing) {
  std::vector<std::unique_ptr<NameSource>> sources;
  for (const Kind& kind : kKinds) {
    auto candidates = candidates_of(kind, options);
    if (candidates.empty()) continue;
    auto socket = std::make_unique<FoundSocket>(std::move(candidates), is_given(kind, options), kind.make);
    sources.push_back(std::make_unique<SocketNames>(kind.word, std::move(socket), timing));
  }
  return sources;
}

}  // namespace sonde::identity
