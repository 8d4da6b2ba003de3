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

/// httplib reads the guarded head from memory and writes the answer's head into memory.
class HeadStream : public httplib::Stream {
 public:
  HeadStream(std::string_view input, const std::string& remote_address)
      : input_(input), remote_address_(remote_address) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* out, size_t size) override {
    const size_t count = std::min(size, input_.size());
    std::memcpy(out, input_.data(), count);
    input_.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* data, size_t size) override {
    output_.append(data, size);
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
  [[nodiscard]] socket_t socket() const override { return -1; }

  [[nodiscard]] std::string take_output() { return std::move(output_); }

 private:
  std::string_view input_;
  const std::string& remote_address_;
  std::string output_;
};

/// Sends as much as the socket takes at once; the rest goes into the outcome, the body without being copied.
ExchangeOutcome send_at_once(int socket, std::string head, std::string body) {
  ExchangeOutcome outcome;
  if (socket >= 0) {
    iovec pieces[2] = {{head.data(), head.size()}, {body.data(), body.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    const ssize_t count = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      outcome.close = true;  // the client is gone
      return outcome;
    }
    outcome.sent = static_cast<size_t>(std::max<ssize_t>(count, 0));
  }
  if (outcome.sent >= head.size()) {
    outcome.sent -= head.size();
    if (outcome.sent < body.size()) {
      outcome.answer = std::move(body);
    } else {
      outcome.sent = 0;
    }
  } else {
    outcome.answer = std::move(head.append(body));
  }
  return outcome;
}

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
  }

  /// Returns whether the handler was reached; if not, httplib could not read the head and the stream's output
  /// is of no use.
  bool run(httplib::Stream& stream, bool close) {
    bool closed = false;
    process_request(stream, close, closed, [this](httplib::Request& request) { adopt(request); });
    return reached_handler_;
  }

  /// The answer's body, empty where the method wants none.
  [[nodiscard]] std::string take_body() {
    return request_.method == "HEAD" ? std::string() : std::move(answer_body_);
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
    answer_body_ = std::move(response.body);
    response.headers["Content-Length"] = std::to_string(answer_body_.size());
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
  std::string answer_body_;
  bool reached_handler_ = false;
};

}  // namespace

ExchangeOutcome run_exchange(GuardedRequest request, const std::string& remote_address, int socket,
                             const Handler& handler) {
  HeadStream stream(request.head, remote_address);
  Engine engine(std::move(request.body), remote_address, handler);
  if (!engine.run(stream, request.close)) {
    ExchangeOutcome outcome = send_at_once(socket, plain_answer(400, "the request cannot be read"), {});
    outcome.close = true;
    return outcome;
  }
  ExchangeOutcome outcome = send_at_once(socket, stream.take_output(), engine.take_body());
  outcome.close = outcome.close || request.close;
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
