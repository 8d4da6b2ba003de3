#pragma once

#include <memory>
#include <string>
#include <vector>

#include "identity/name_source.h"
#include "identity/socket_names.h"

namespace sonde::identity {

/// Which sockets to ask.
struct SocketOptions {
  std::string rootfs = "/";
  /// Paths of sockets, below no rootfs; "": those of the list, as soon as there are any; "none": none.
  std::string cri;
  std::string docker;
  std::string podman;
};

struct SocketPaths {
  std::vector<std::string> asked;    ///< given, or there now
  std::vector<std::string> awaited;  ///< asked as soon as they are there
};
SocketPaths socket_paths(const SocketOptions& options);

/// A source for each kind of socket that is not "none": CRI of containerd, CRI-O, k3s; Docker; Podman. Their
/// threads begin to ask at once, and look for those that are not there again and again.
std::vector<std::unique_ptr<NameSource>> make_socket_sources(const SocketOptions& options,
                                                             SocketNames::Timing timing = {});

}  // namespace sonde::identity
