#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/http/guard.h"
#include "common/http/message.h"

namespace sonde::http {

/// How long a connection may wait for its next request, and for how many requests it lives. Both are told to
/// the client in the Keep-Alive header.
inline constexpr std::chrono::seconds kKeepAliveIdle{120};
inline constexpr size_t kKeepAliveRequests = 1000;

/// What is left to do after a request was answered.
struct ExchangeOutcome {
  std::string answer;  ///< the part of it that holds all that the socket did not take at once
  size_t sent = 0;     ///< bytes of `answer` that it did take
  bool close = false;  ///< the connection ends with this answer
};

/// Parses a guarded request with cpp-httplib, calls the handler, and writes the answer to a socket, never
/// waiting for the client.
///
/// `remote_address` becomes Request::remote_address. With socket -1 nothing is sent and the outcome holds the
/// whole answer. A handler's exception is logged and answered by 500. Threads: safe; the socket belongs to
/// the caller.
ExchangeOutcome run_exchange(GuardedRequest request, const std::string& remote_address, int socket,
                             const Handler& handler);

/// A complete answer of one line, for a request that never reaches a handler. It ends the connection.
std::string plain_answer(int status, std::string_view line);

/// The standard phrase of a status code, "" where there is none.
std::string_view status_phrase(int status);

}  // namespace sonde::http
