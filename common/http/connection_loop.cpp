#include "common/http/connection_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "common/clock.h"
#include "common/http/connection_table.h"
#include "common/http/exchange.h"
#include "common/http/peer_address.h"
#include "common/http/worker_pool.h"
#include "common/log.h"

namespace sonde::http {
namespace {

constexpr std::chrono::milliseconds kLinger{1000};      // for the client to read a last answer and hang up
constexpr size_t kLingerBytes = 256UL * 1024;           // that are thrown away meanwhile
constexpr std::chrono::milliseconds kStopGrace{1000};   // for slow readers, when the server stops
constexpr std::chrono::milliseconds kAcceptPause{100};  // after running out of file descriptors
constexpr int kAcceptedAtOnce = 64;                     // then those that are here already have their turn

/// What a worker hands back.
struct Answered {
  int socket = -1;
  ExchangeOutcome outcome;
};

}  // namespace

class ConnectionLoop::Implementation {
 public:
  Implementation(std::vector<FileDescriptor> listeners, ConnectionLimits limits, size_t workers,
                 Handler handler)
      : listeners_(std::move(listeners)),
        limits_(limits),
        handler_(std::move(handler)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
        workers_(workers) {
    for (const FileDescriptor& listener : listeners_) watch(listener.get(), EPOLLIN, EPOLL_CTL_ADD);
    watch(wake_.get(), EPOLLIN, EPOLL_CTL_ADD);
    thread_ = std::thread([this] { run(); });
  }

  ~Implementation() {
    stopping_ = true;
    wake();
    thread_.join();
  }

 private:
  void run() {
    std::array<epoll_event, 64> events{};
    bool listening = true;
    while (listening || connections_.size() > 0) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), milliseconds_to_wait());
      now_ = SteadyClock::now();
      for (int i = 0; i < count; ++i) on_event(events[static_cast<size_t>(i)].data.fd);
      if (stopping_ && listening) {
        listeners_.clear();
        accept_again_ = SteadyTime::max();
        connections_.close_idle(now_ + kStopGrace);
        listening = false;
      }
      expire();
    }
  }

  void on_event(int fd) {
    if (fd == wake_.get()) return take_answered();
    if (Connection* connection = connections_.find(fd)) return on_ready(*connection);
    const bool is_listener =
        std::any_of(listeners_.begin(), listeners_.end(), [fd](const auto& l) { return l.get() == fd; });
    if (is_listener) accept_waiting(fd);
  }

  void accept_waiting(int listener) {
    for (int i = 0; i < kAcceptedAtOnce; ++i) {
      sockaddr_storage peer{};
      socklen_t size = sizeof(peer);
      FileDescriptor socket(
          ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) {
        const bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted && !connections_.close_longest_waiting()) pause_accepting();
        return;  // EAGAIN, or one that went away; epoll tells of more
      }
      if (connections_.size() >= limits_.connections && !connections_.close_longest_waiting()) continue;
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      Connection connection;
      connection.socket = std::move(socket);
      connection.remote_address = peer_address(peer);
      connection.guard = RequestGuard(limits_.request);
      connection.enter(Phase::kReading, now_, limits_.first_byte);
      watch(connections_.add(std::move(connection)).socket.get(), EPOLLIN | EPOLLONESHOT, EPOLL_CTL_ADD);
    }
  }

  void pause_accepting() {
    for (const FileDescriptor& listener : listeners_) watch(listener.get(), 0, EPOLL_CTL_MOD);
    accept_again_ = now_ + kAcceptPause;
  }

  void on_ready(Connection& connection) {
    switch (connection.phase) {
      case Phase::kReading:
        return read(connection);
      case Phase::kSending:
        return send_rest(connection);
      case Phase::kLingering:
        return discard(connection);
      case Phase::kAnswering:
        return;
    }
  }

  /// Takes up to one buffer of bytes; empty when there is nothing more to come from this client.
  std::string_view receive(const Connection& connection, bool& would_block) {
    const ssize_t count = ::recv(connection.socket.get(), input_.data(), input_.size(), 0);
    would_block = count < 0 && (errno == EAGAIN || errno == EINTR);
    return {input_.data(), static_cast<size_t>(std::max<ssize_t>(count, 0))};
  }

  void read(Connection& connection) {
    bool would_block = false;
    const std::string_view bytes = receive(connection, would_block);
    if (would_block) return rearm(connection, EPOLLIN);
    if (bytes.empty()) return connections_.close(connection);
    const bool begins = connection.guard.state() == RequestGuard::State::kIdle;
    if (begins) connection.enter(Phase::kReading, now_, limits_.whole_request);
    connection.guard.add(bytes);
    proceed(connection);
  }

  /// Acts on what the guard holds.
  void proceed(Connection& connection) {
    switch (connection.guard.state()) {
      case RequestGuard::State::kComplete:
        return dispatch(connection);
      case RequestGuard::State::kRefused:
        return refuse(connection, connection.guard.refusal());
      case RequestGuard::State::kReading:
        if (connection.guard.take_expects_continue()) {
          constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
          ::send(connection.socket.get(), kContinue.data(), kContinue.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        return rearm(connection, EPOLLIN);
      case RequestGuard::State::kIdle:
        return rearm(connection, EPOLLIN);
    }
  }

  void dispatch(Connection& connection) {
    connection.phase = Phase::kAnswering;
    auto request = std::make_shared<GuardedRequest>(connection.guard.take());
    if (++connection.requests >= kKeepAliveRequests || stopping_) request->close = true;
    workers_.run([this, request, fd = connection.socket.get(), remote = connection.remote_address] {
      Answered answered{fd, run_exchange(std::move(*request), remote, fd, handler_)};
      {
        const std::lock_guard lock(answered_mutex_);
        answered_.push_back(std::move(answered));
      }
      wake();
    });
  }

  void take_answered() {
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t count = ::read(wake_.get(), &ignored, sizeof(ignored));
    std::vector<Answered> answered;
    {
      const std::lock_guard lock(answered_mutex_);
      answered.swap(answered_);
    }
    for (Answered& one : answered) {
      Connection& connection = *connections_.find(one.socket);  // stays until its worker is done
      connection.close_after_answer = one.outcome.close;
      send_later(connection, std::move(one.outcome.answer), one.outcome.sent);
    }
  }

  void refuse(Connection& connection, Refusal refusal) {
    log::debug(
        "a request was refused",
        {{"remote", connection.remote_address}, {"status", refusal.status}, {"reason", refusal.reason}});
    connection.close_after_answer = true;
    send_later(connection, plain_answer(refusal.status, refusal.reason), 0);
  }

  void send_later(Connection& connection, std::string answer, size_t sent) {
    connection.answer = std::move(answer);
    connection.sent = sent;
    connection.enter(Phase::kSending, now_, stopping_ ? kStopGrace : limits_.whole_answer);
    connections_.shed_answers(limits_.unsent_bytes, connection);
    send_rest(connection);
  }

  void send_rest(Connection& connection) {
    while (connection.sent < connection.answer.size()) {
      const std::string_view rest = std::string_view(connection.answer).substr(connection.sent);
      const ssize_t count =
          ::send(connection.socket.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return rearm(connection, EPOLLOUT);
      if (count <= 0) return connections_.close(connection);
      connection.sent += static_cast<size_t>(count);
    }
    std::string().swap(connection.answer);
    if (connection.close_after_answer || stopping_) return linger(connection);
    // The next request may have come together with the last one.
    const bool has_begun = connection.guard.state() != RequestGuard::State::kIdle;
    connection.enter(Phase::kReading, now_, has_begun ? limits_.whole_request : kKeepAliveIdle);
    proceed(connection);
  }

  /// Says that no more comes and waits for the client to hang up: closing at once could make the kernel
  /// throw away the answer together with bytes that the client still sends.
  void linger(Connection& connection) {
    ::shutdown(connection.socket.get(), SHUT_WR);
    if (stopping_) return connections_.close(connection);
    connection.enter(Phase::kLingering, now_, kLinger);
    rearm(connection, EPOLLIN);
  }

  void discard(Connection& connection) {
    bool would_block = false;
    const size_t count = receive(connection, would_block).size();
    connection.discarded += count;
    const bool over = (count == 0 && !would_block) || connection.discarded > kLingerBytes;
    if (over) return connections_.close(connection);
    rearm(connection, EPOLLIN);
  }

  [[nodiscard]] int milliseconds_to_wait() const {
    const SteadyTime next = std::min(accept_again_, connections_.next_deadline());
    if (next == SteadyTime::max()) return -1;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - SteadyClock::now());
    return static_cast<int>(std::max<int64_t>(wait.count(), 0));
  }

  void expire() {
    if (now_ >= accept_again_) {
      accept_again_ = SteadyTime::max();
      for (const FileDescriptor& listener : listeners_) watch(listener.get(), EPOLLIN, EPOLL_CTL_MOD);
    }
    for (const int socket : connections_.late(now_)) {
      Connection* connection = connections_.find(socket);
      if (connection == nullptr) continue;  // made room for an answer meanwhile
      const bool unfinished =
          connection->phase == Phase::kReading && connection->guard.state() == RequestGuard::State::kReading;
      if (unfinished) {
        refuse(*connection, {408, "the request did not arrive in time"});
      } else {
        connections_.close(*connection);
      }
    }
  }

  /// Each socket is watched for one event at a time (EPOLLONESHOT): none arrives while a worker has it.
  void rearm(const Connection& connection, uint32_t events) {
    watch(connection.socket.get(), events | EPOLLONESHOT, EPOLL_CTL_MOD);
  }

  void watch(int fd, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
  }

  void wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t count = ::write(wake_.get(), &one, sizeof(one));
  }

  std::vector<FileDescriptor> listeners_;
  const ConnectionLimits limits_;
  const Handler handler_;
  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::atomic<bool> stopping_{false};

  // Of the network thread alone.
  SteadyTime now_ = SteadyClock::now();
  SteadyTime accept_again_ = SteadyTime::max();  // set after running out of file descriptors
  std::array<char, 16UL * 1024> input_{};
  ConnectionTable connections_;

  std::mutex answered_mutex_;
  std::vector<Answered> answered_;  // guarded by answered_mutex_
  WorkerPool workers_;
  std::thread thread_;
};

ConnectionLoop::ConnectionLoop(std::vector<FileDescriptor> listeners, ConnectionLimits limits, size_t workers,
                               Handler handler)
    : implementation_(
          std::make_unique<Implementation>(std::move(listeners), limits, workers, std::move(handler))) {}

ConnectionLoop::~ConnectionLoop() = default;

}  // namespace sonde::http
