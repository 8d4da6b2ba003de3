#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "common/file_descriptor.h"
#include "common/http/access/tls_context.h"
#include "common/http/guard.h"
#include "common/http/message.h"

namespace sonde::http {

/// What clients may ask of a server, all together and one by one.
struct ConnectionLimits {
  GuardLimits request;
  std::chrono::milliseconds first_byte{
      10000};  ///< a new connection's handshake must be over and its first request begin by then
  std::chrono::milliseconds whole_request{1000};  ///< from a request's first byte to its last
  std::chrono::milliseconds whole_answer{10000};  ///< for a client to take what its socket did not at once
  size_t connections = 256;                       ///< past that the one that waits longest is closed
  size_t unsent_bytes =
      16UL * 1024 * 1024;  ///< of all answers that clients are slow to take; one may be larger
};

/// Gives the TLS context for a new connection. Called on the network thread.
using TlsProvider = std::function<std::shared_ptr<const TlsContext>()>;

/// The network half of the server: one thread accepts, reads whole requests, and sends the rest of answers,
/// for all connections at once and never waiting for one; handlers run on a worker pool, only with a complete
/// request in hand. So a slow client costs a file descriptor and at most the guard's budget, never a thread.
/// TLS sits between socket and guard, on the network thread, under the same deadlines.
///
/// Threads: the handler is called from several.
class ConnectionLoop {
 public:
  /// Serves from now on. `workers`: how many handlers may run at once. An empty `tls` is plain HTTP.
  ConnectionLoop(std::vector<FileDescriptor> listeners, ConnectionLimits limits, size_t workers,
                 Handler handler, TlsProvider tls = {});
  /// Stops accepting, drops clients that have no complete request, lets running handlers finish and send.
  ~ConnectionLoop();
  ConnectionLoop(const ConnectionLoop&) = delete;
  ConnectionLoop& operator=(const ConnectionLoop&) = delete;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace sonde::http
