#include "exporter/node_lock.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace sonde::exporter {
namespace {

/// The process that listens on the socket; 0 where it cannot be told.
pid_t holder_of(const sockaddr_un& address, socklen_t length) {
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe || connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return 0;
  ucred peer{};
  socklen_t peer_length = sizeof(peer);
  if (getsockopt(probe.get(), SOL_SOCKET, SO_PEERCRED, &peer, &peer_length) != 0) return 0;
  return peer.pid;
}

}  // namespace

Result<FileDescriptor> take_node_lock(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--node.lock={}: at most {} bytes", name, sizeof(address.sun_path) - 1));
  }
  // A leading zero byte makes the address abstract: no file, gone with its holder.
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());

  FileDescriptor lock(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!lock) return fail(ErrorCode::kUnavailable, fmt::format("node lock: {}", strerrordesc_np(errno)));
  if (bind(lock.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EADDRINUSE)
      return fail(ErrorCode::kUnavailable, fmt::format("node lock: {}", strerrordesc_np(errno)));
    const pid_t holder = holder_of(address, length);
    return fail(
        ErrorCode::kUnavailable,
        fmt::format("another sonde-exporter runs on this node (process {}, lock @{}): stop it first, or give "
                    "this one another --node.lock",
                    holder == 0 ? "unknown" : fmt::to_string(holder), name));
  }
  // Listening lets a second exporter ask who holds it; nothing is ever accepted, so each who asked stays
  // queued.
  if (listen(lock.get(), 4096) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("node lock: {}", strerrordesc_np(errno)));
  }
  return lock;
}

}  // namespace sonde::exporter
