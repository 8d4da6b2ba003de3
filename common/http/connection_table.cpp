#include "common/http/connection_table.h"

#include <algorithm>
#include <utility>

namespace sonde::http {
namespace {

/// The one that entered its phase first among those that `is_candidate` allows; nullptr without any.
template <class Predicate>
const Connection* oldest(const std::map<int, Connection>& connections, Predicate is_candidate) {
  const Connection* found = nullptr;
  for (const auto& [socket, connection] : connections) {
    if (!is_candidate(connection)) continue;
    if (found == nullptr || connection.since < found->since) found = &connection;
  }
  return found;
}

bool is_waiting(const Connection& connection) {
  return connection.phase == Phase::kReading || connection.phase == Phase::kLingering;
}

bool is_sending(const Connection& connection) {
  return connection.phase == Phase::kSending;
}

}  // namespace

Connection& ConnectionTable::add(Connection connection) {
  const int socket = connection.socket.get();
  return by_socket_.insert_or_assign(socket, std::move(connection)).first->second;
}

Connection* ConnectionTable::find(int socket) {
  const auto found = by_socket_.find(socket);
  return found == by_socket_.end() ? nullptr : &found->second;
}

bool ConnectionTable::close_longest_waiting() {
  const Connection* longest = oldest(by_socket_, is_waiting);
  if (longest == nullptr) longest = oldest(by_socket_, is_sending);
  if (longest == nullptr) return false;
  close(*longest);
  return true;
}

void ConnectionTable::close_idle(SteadyTime deadline_of_slow_ones) {
  std::erase_if(by_socket_, [](const auto& entry) { return is_waiting(entry.second); });
  for (auto& [socket, connection] : by_socket_) {
    if (is_sending(connection)) connection.deadline = std::min(connection.deadline, deadline_of_slow_ones);
  }
}

void ConnectionTable::shed_answers(size_t bytes, const Connection& newest) {
  size_t total = 0;
  for (const auto& [socket, connection] : by_socket_) {
    if (is_sending(connection)) total += connection.answer.size();
  }
  while (total > bytes) {
    const Connection* first =
        oldest(by_socket_, [&](const Connection& other) { return is_sending(other) && &other != &newest; });
    if (first == nullptr) return;
    total -= first->answer.size();
    close(*first);
  }
}

SteadyTime ConnectionTable::next_deadline() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [socket, connection] : by_socket_) {
    if (connection.phase != Phase::kAnswering) next = std::min(next, connection.deadline);
  }
  return next;
}

std::vector<int> ConnectionTable::late(SteadyTime now) const {
  std::vector<int> sockets;
  for (const auto& [socket, connection] : by_socket_) {
    if (connection.phase != Phase::kAnswering && now >= connection.deadline) sockets.push_back(socket);
  }
  return sockets;
}

}  // namespace sonde::http
