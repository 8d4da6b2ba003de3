#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/http/access/tls_session.h"
#include "common/http/guard.h"

namespace sonde::http {

/// What a connection is about; it goes round the first three until it lingers or is closed.
enum class Phase {
  kReading,    ///< waits for (the rest of) a TLS handshake or of a request
  kAnswering,  ///< a worker has it; the network thread keeps its hands off the socket
  kSending,    ///< the client is slow to take the answer
  kLingering,  ///< the answer was the last one; until the client hangs up its bytes are thrown away
};

/// One client's connection.
struct Connection {
  /// Begins a phase that must be over within that time (which has no meaning while answering).
  void enter(Phase next, SteadyTime now, SteadyClock::duration within) {
    phase = next;
    since = now;
    deadline = now + within;
  }

  FileDescriptor socket;
  std::unique_ptr<TlsSession> tls;  ///< null: plain HTTP
  std::string remote_address;
  RequestGuard guard;
  Phase phase = Phase::kReading;
  SteadyTime since;
  SteadyTime deadline;
  std::string answer;
  size_t sent = 0;  ///< bytes of `answer` that the socket has taken
  bool close_after_answer = false;
  size_t requests = 0;
  size_t discarded = 0;  ///< bytes thrown away while lingering
};

/// The connections of a server. All of the below look at each connection: there are a few hundred at most.
///
/// Threads: one.
class ConnectionTable {
 public:
  Connection& add(Connection connection);
  /// Closes it; the reference is gone.
  void close(const Connection& connection) { by_socket_.erase(connection.socket.get()); }
  /// nullptr where there is none.
  Connection* find(int socket);
  [[nodiscard]] size_t size() const { return by_socket_.size(); }

  /// Closes the one that has waited longest without being answered, or if all are, the one that has been
  /// taking its answer for longest. False if there is neither.
  bool close_longest_waiting();
  /// Closes all that are not in the middle of an answer; those that are slow to take one have until the
  /// deadline.
  void close_idle(SteadyTime deadline_of_slow_ones);
  /// Keeps the answers that wait for slow clients below `bytes` in all: the oldest goes first, never
  /// `newest`.
  void shed_answers(size_t bytes, const Connection& newest);

  /// The earliest of all deadlines; SteadyTime::max() without any.
  [[nodiscard]] SteadyTime next_deadline() const;
  /// The sockets of those whose deadline has passed.
  [[nodiscard]] std::vector<int> late(SteadyTime now) const;

 private:
  std::map<int, Connection> by_socket_;
};

}  // namespace sonde::http
