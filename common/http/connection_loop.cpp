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
                 Handler handler, TlsProvider tls)
      : listeners_(std::move(listeners)),
        limits_(limits),
        handler_(std::move(handler)),
        tls_(std::move(tls)),
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
      if (tls_) connection.tls = std::make_unique<TlsSession>(tls_(), socket.get());
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

  /// Takes up to one buffer of bytes, which are then at the beginning of input_.
  Transfer receive(const Connection& connection) {
    if (connection.tls) return connection.tls->receive(input_);
    return receive_undecrypted(connection);
  }

  Transfer receive_undecrypted(const Connection& connection) {
    const ssize_t count = ::recv(connection.socket.get(), input_.data(), input_.size(), 0);
    if (count > 0) return {.bytes = static_cast<size_t>(count)};
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {.wait_for = EPOLLIN};
    return {.over = true};
  }

  static Transfer send(const Connection& connection, std::string_view bytes) {
    if (connection.tls) return connection.tls->send(bytes);
    const ssize_t count =
        ::send(connection.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) return {.bytes = static_cast<size_t>(count)};
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return {.wait_for = EPOLLOUT};
    return {.over = true};
  }

  void read(Connection& connection) {
    const Transfer received = receive(connection);
    if (received.wait_for != 0) return rearm(connection, received.wait_for);
    if (received.over) return end(connection);
    const bool begins = connection.guard.state() == RequestGuard::State::kIdle;
    if (begins) connection.enter(Phase::kReading, now_, limits_.whole_request);
    connection.guard.add({input_.data(), received.bytes});
    proceed(connection);
  }

  /// The client has gone, or it failed at the handshake.
  void end(Connection& connection) {
    if (!connection.tls || connection.tls->handshake_failure().empty()) return connections_.close(connection);
    log::debug("a TLS handshake failed",
               {{"remote", connection.remote_address}, {"reason", connection.tls->handshake_failure()}});
    if (!connection.tls->met_plain_http()) return linger(connection);  // OpenSSL has told the client why
    connection.tls.reset();
    refuse(connection, {400, "this port speaks HTTPS: use https://"});
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
          // Its buffer is empty: only a client that does not read makes that fail.
          if (send(connection, kContinue).bytes != kContinue.size()) return connections_.close(connection);
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
    const int fd = connection.socket.get();
    const int send_to = connection.tls ? -1 : fd;  // what is encrypted is sent by the network thread alone
    workers_.run([this, request, fd, send_to, remote = connection.remote_address] {
      Answered answered{fd, run_exchange(std::move(*request), remote, send_to, handler_)};
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
      const Transfer sent = send(connection, rest);
      if (sent.wait_for != 0) return rearm(connection, sent.wait_for);
      if (sent.over) return connections_.close(connection);
      connection.sent += sent.bytes;
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
    if (connection.tls) connection.tls->say_goodbye();
    ::shutdown(connection.socket.get(), SHUT_WR);
    if (stopping_) return connections_.close(connection);
    connection.enter(Phase::kLingering, now_, kLinger);
    rearm(connection, EPOLLIN);
  }

  void discard(Connection& connection) {
    const Transfer received = receive_undecrypted(connection);
    connection.discarded += received.bytes;
    if (received.over || connection.discarded > kLingerBytes) return connections_.close(connection);
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
  const TlsProvider tls_;
  FileDescriptor epoll_;
  FileDescriptor wake_;
  std::atomic<bool> stopping_{false};

  // Of the network thread alone.
  SteadyTime now_ = SteadyClock::now();
  SteadyTime accept_again_ = SteadyTime::max();  // set after running out of file descriptors
  std::array<char, 16UL * 1024> input_{};        // a whole TLS record
  ConnectionTable connections_;

  std::mutex answered_mutex_;
  std::vector<Answered> answered_;  // guarded by answered_mutex_
  WorkerPool workers_;
  std::thread thread_;
};

ConnectionLoop::ConnectionLoop(std::vector<FileDescriptor> listeners, ConnectionLimits limits, size_t workers,
                               Handler handler, TlsProvider tls)
    : implementation_(std::make_unique<Implementation>(std::move(listeners), limits, workers,
                                                       std::move(handler), std::move(tls))) {}

ConnectionLoop::~ConnectionLoop() = default;

}  // namespace sonde::http
