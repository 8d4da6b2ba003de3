#include "common/http/exchange.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "common/log.h"

namespace sonde::http {
namespace {

constexpr size_t kGatherBelow = 16UL * 1024;  // smaller pieces of an answer are copied into one packet

/// httplib reads the guarded head from memory and writes to a socket that never blocks.
class ExchangeStream : public httplib::Stream {
 public:
  ExchangeStream(std::string_view input, const std::string& remote_address, int socket)
      : input_(input), remote_address_(remote_address), socket_(socket) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }

  ssize_t read(char* out, size_t size) override {
    const size_t count = std::min(size, input_.size());
    std::memcpy(out, input_.data(), count);
    input_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* data, size_t size) override {
    if (size < kGatherBelow) {
      pending_.append(data, size);
    } else {
      send_now(std::string_view(data, size));
    }
    return static_cast<ssize_t>(size);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = remote_address_;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  [[nodiscard]] socket_t socket() const override { return socket_; }

  /// Sends what was gathered; returns what the socket did not take.
  std::string finish() {
    send_now({});
    return std::move(pending_);
  }
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  /// Sends `pending_` and then `more`; what does not fit stays in `pending_`.
  void send_now(std::string_view more) {
    if (broken_) return;
    size_t sent = 0;
    if (socket_ >= 0 && !blocked_ && pending_.size() + more.size() > 0) {
      iovec pieces[2] = {{pending_.data(), pending_.size()}, {const_cast<char*>(more.data()), more.size()}};
      msghdr message{};
      message.msg_iov = pieces;
      message.msg_iovlen = 2;
      const ssize_t count = ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        broken_ = true;
        pending_.clear();
        return;
      }
      sent = count < 0 ? 0 : static_cast<size_t>(count);
      blocked_ = sent < pending_.size() + more.size();
    }
    const size_t of_pending = std::min(sent, pending_.size());
    pending_.erase(0, of_pending);
    pending_.append(more.substr(sent - of_pending));
  }

  std::string_view input_;
  const std::string& remote_address_;
  int socket_;
  std::string pending_;
  bool blocked_ = false;
  bool broken_ = false;
};

/// Every request goes to the one handler; httplib's routes, files, bodies, ranges and compression stay
/// unused.
class Engine : public httplib::Server {
 public:
  Engine(std::string body, const std::string& remote_address, const http::Handler& handler)
      : body_(std::move(body)), remote_address_(remote_address), handler_(handler) {
    set_keep_alive_max_count(kKeepAliveRequests);
    set_keep_alive_timeout(kKeepAliveIdle.count());
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      answer(response);
      return HandlerResponse::Handled;
    });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      response.body = fmt::format("{} {}\n", response.status, status_phrase(response.status));
      if (!response.has_header("Content-Type")) {
        response.set_header("Content-Type", "text/plain; charset=utf-8");
      }
    });
  }

  /// Returns whether the handler was reached and the connection can go on.
  bool run(httplib::Stream& stream, bool close) {
    bool closed = false;
    process_request(stream, close, closed, [this](httplib::Request& request) { adopt(request); });
    return reached_handler_;
  }

 private:
  void adopt(httplib::Request& request) {
    request_.method = request.method;
    request_.path = request.path;
    request_.parameters.insert(request.params.begin(), request.params.end());
    for (const auto& [name, value] : request.headers) {
      if (name == "REMOTE_ADDR" || name == "REMOTE_PORT" || name == "LOCAL_ADDR" || name == "LOCAL_PORT")
        continue;
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request_.headers[lower] = value;
    }
    request_.remote_address = remote_address_;
    request_.body = std::move(body_);
    // httplib would compress by itself, with brotli at its slowest level where the client names it.
    request.headers.erase("Accept-Encoding");
  }

  void answer(httplib::Response& out) {
    reached_handler_ = true;
    http::Response response;
    try {
      response = handler_(request_);
    } catch (const std::exception& exception) {
      log::error("a request handler threw", {{"path", request_.path}, {"error", exception.what()}});
      response.status = 500;
      response.body = "internal error; the log says more\n";
    }
    out.status = response.status;
    out.body = std::move(response.body);
    out.set_header("Content-Type", response.content_type);
    out.set_header("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : response.headers) {
      if (value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos)
        out.set_header(name, value);
    }
  }

  std::string body_;
  const std::string& remote_address_;
  const http::Handler& handler_;
  http::Request request_;
  bool reached_handler_ = false;
};

}  // namespace

ExchangeOutcome run_exchange(GuardedRequest request, const std::string& remote_address, int socket,
                             const Handler& handler) {
  ExchangeStream stream(request.head, remote_address, socket);
  Engine engine(std::move(request.body), remote_address, handler);
  const bool answered = engine.run(stream, request.close);
  ExchangeOutcome outcome;
  outcome.unsent = stream.finish();
  outcome.close = request.close || !answered || stream.broken();
  return outcome;
}

std::string_view status_phrase(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 20> kPhrases = {{
      {200, "OK"},
      {204, "No Content"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  }};
  for (const auto& [code, phrase] : kPhrases) {
    if (code == status) return phrase;
  }
  return {};
}

std::string plain_answer(int status, std::string_view line) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
      "{}\r\n"
      "X-Content-Type-Options: nosniff\r\n\r\n{}\n",
      status, status_phrase(status), line.size() + 1, line);
}

}  // namespace sonde::http
