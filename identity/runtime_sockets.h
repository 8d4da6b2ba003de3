#pragma once

#include <memory>
#include <string>
#include <vector>

#include "identity/name_source.h"

namespace sonde::identity {

/// Which sockets to ask.
struct SocketOptions {
  std::string rootfs = "/";
  /// Paths of sockets, below no rootfs; "": those of the list that there are now; "none": none.
  std::string cri;
  std::string docker;
  std::string podman;
};

/// The paths of the sockets that are asked for, or found.
std::vector<std::string> asked_sockets(const SocketOptions& options);

/// A source for each socket that is asked: CRI of containerd, CRI-O, k3s; Docker; Podman. Their
/// threads begin to ask at once.
std::vector<std::unique_ptr<NameSource>> make_socket_sources(const SocketOptions& options);

}  // namespace sonde::identity
