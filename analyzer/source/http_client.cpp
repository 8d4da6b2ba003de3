#include "analyzer/source/http_client.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "analyzer/source/credentials.h"
#include "analyzer/source/guarded_stream.h"
#include "analyzer/source/reply_text.h"
#include "common/build_info.h"

namespace sonde::analyzer {
namespace {

constexpr auto kLongestConnect = std::chrono::seconds(10);
/// Of an error's text; what the server says first is what matters.
constexpr size_t kErrorTextBytes = 4096;

/// cpp-httplib's client on a plain connection, reading through the guard.
class PlainClient : public httplib::ClientImpl {
 public:
  PlainClient(const std::string& host, int port, AnswerGuard& guard)
      : httplib::ClientImpl(host, port), guard_(guard) {}

 private:
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) override {
    GuardedStream stream(socket.sock, nullptr, guard_);
    return callback(stream);
  }
  AnswerGuard& guard_;
};

/// The same over TLS.
class TlsClient : public httplib::SSLClient {
 public:
  TlsClient(const std::string& host, int port, AnswerGuard& guard)
      : httplib::SSLClient(host, port), guard_(guard) {}

 private:
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) override {
    GuardedStream stream(socket.sock, socket.ssl, guard_);
    return callback(stream);
  }
  AnswerGuard& guard_;
};

/// Ends a handshake that a server drags out: called each time OpenSSL leaves it, also to wait for more bytes.
void end_late_handshake(const SSL* ssl, int where, int /*result*/) {
  const auto* guard = static_cast<const AnswerGuard*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (where == SSL_CB_CONNECT_EXIT && SteadyClock::now() >= guard->deadline) {
    ::shutdown(SSL_get_fd(ssl), SHUT_RDWR);
  }
}

Outcome<void> configure_tls(TlsClient& client, const SourceTls& tls, AnswerGuard& guard) {
  SSL_CTX* context = client.ssl_context();
  if (context == nullptr) return fault(FaultKind::kTls, "OpenSSL gives no TLS context");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_app_data(context, &guard);
  SSL_CTX_set_info_callback(context, end_late_handshake);
  if (!tls.cert_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, tls.cert_file.c_str()) != 1) {
      return fault(FaultKind::kTls, "cannot use the client certificate " + tls.cert_file + " (PEM wanted)");
    }
    if (SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      return fault(FaultKind::kTls,
                   "cannot use the client key " + tls.key_file + " with its certificate (PEM wanted)");
    }
  }
  if (!tls.ca_file.empty()) client.set_ca_cert_path(tls.ca_file);
  client.enable_server_certificate_verification(!tls.insecure_skip_verify);
  return {};
}

FaultKind kind_of_status(int status, const std::string& text) {
  if (status == 401 || status == 403) return FaultKind::kUnauthorized;
  if (status >= 300 && status < 400) return FaultKind::kRedirect;
  if (text.find("sample limit") != std::string::npos || text.find("too many samples") != std::string::npos) {
    return FaultKind::kSampleLimit;
  }
  if (status >= 500 || status == 408 || status == 429) return FaultKind::kServerError;
  return status >= 400 ? FaultKind::kRejected : FaultKind::kContentType;
}

/// One exchange: gathers what the callbacks learn while cpp-httplib runs it.
class Exchange {
 public:
  Exchange(AnswerGuard& guard, const HttpClient::OnHead& on_head, const HttpClient::OnBody& on_body)
      : guard_(guard), on_head_(on_head), on_body_(on_body) {}

  bool take_head(const httplib::Response& response) {
    guard_.bytes_without_content = 0;
    status_ = response.status;
    if (status_ != 200) return true;  // its body says why
    const bool ends_visibly =
        response.has_header("Content-Length") || response.has_header("Transfer-Encoding");
    if (!ends_visibly) {
      fault_ = {
          FaultKind::kTruncated,
          "the end of the reply cannot be seen: it has neither a length nor chunks (a proxy that speaks "
          "HTTP/1.0? nginx: proxy_http_version 1.1)",
          200};
      return false;
    }
    Outcome<void> wanted =
        on_head_({response.get_header_value("Content-Type"), response.get_header_value("Content-Encoding")});
    if (!wanted) fault_ = wanted.error();
    return wanted.has_value();
  }

  bool take_body(const char* data, size_t size) {
    guard_.bytes_without_content = 0;
    if (status_ != 200) {
      error_text_.append(data, std::min(size, kErrorTextBytes - error_text_.size()));
      return error_text_.size() < kErrorTextBytes;
    }
    Outcome<void> taken = on_body_({reinterpret_cast<const uint8_t*>(data), size});
    if (!taken) fault_ = taken.error();
    return taken.has_value();
  }

  /// What came of it. `error` is cpp-httplib's; `status` too, which it keeps to itself where an answer has no
  /// body (204).
  Outcome<void> result(httplib::Error error, int status) {
    if (status_ == 0 && error == httplib::Error::Success) status_ = status;
    if (fault_) return tl::unexpected(*fault_);
    if (guard_.timed_out || (status_ == 0 && SteadyClock::now() >= guard_.deadline)) {
      return fault(FaultKind::kTimeout, status_ == 0 ? "no answer within the deadline"
                                                     : "the answer did not end within the deadline");
    }
    if (guard_.flooded) return fault(FaultKind::kMalformed, "the header of the answer does not end");
    if (status_ != 0 && status_ != 200) return status_fault();
    if (error == httplib::Error::Success) return {};
    if (status_ == 200)
      return fault(FaultKind::kTruncated, "the connection broke before the end of the reply");
    return connection_fault(error);
  }

 private:
  [[nodiscard]] tl::unexpected<Fault> status_fault() const {
    const FaultKind kind = kind_of_status(status_, error_text_);
    std::string message = "the server answers " + std::to_string(status_);
    if (kind == FaultKind::kRedirect) message += ", a redirect, which is not followed: set the final URL";
    if (!error_text_.empty()) message += ": " + one_line(error_text_);
    return tl::unexpected<Fault>(Fault{kind, std::move(message), status_});
  }

  static tl::unexpected<Fault> connection_fault(httplib::Error error) {
    switch (error) {
      case httplib::Error::SSLConnection:
        return fault(FaultKind::kTls, "the TLS handshake failed");
      case httplib::Error::SSLLoadingCerts:
        return fault(FaultKind::kTls, "the file of certificate authorities cannot be used (PEM wanted)");
      case httplib::Error::SSLServerVerification:
        return fault(FaultKind::kTls, "the server's certificate is not trusted or not for this host");
      case httplib::Error::Connection:
        return fault(FaultKind::kConnect,
                     "cannot connect: is a Prometheus there? --url / prometheus.url names it");
      case httplib::Error::Read:
        return fault(FaultKind::kConnect, "the connection broke before an answer");
      default:
        return fault(FaultKind::kConnect, "no answer (" + httplib::to_string(error) + ")");
    }
  }

  AnswerGuard& guard_;
  const HttpClient::OnHead& on_head_;
  const HttpClient::OnBody& on_body_;
  int status_ = 0;
  std::string error_text_;
  std::optional<Fault> fault_;
};

Outcome<void> exchange(httplib::ClientImpl& client, httplib::Request& message, AnswerGuard& guard,
                       const HttpClient::OnHead& on_head, const HttpClient::OnBody& on_body) {
  const auto left = guard.deadline - SteadyClock::now();
  client.set_connection_timeout(
      std::clamp<SteadyClock::duration>(left, std::chrono::milliseconds(1), kLongestConnect));
  client.set_keep_alive(false);
  client.set_follow_location(false);
  client.set_decompress(false);
  client.set_url_encode(false);
  client.set_tcp_nodelay(true);

  Exchange state(guard, on_head, on_body);
  message.response_handler = [&](const httplib::Response& response) { return state.take_head(response); };
  message.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    return state.take_body(data, size);
  };
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  if (!client.send(message, response, error) && error == httplib::Error::Success)
    error = httplib::Error::Unknown;
  return state.result(error, response.status);
}

Result<void> check_file(const char* option, const std::string& path) {
  std::error_code ignored;
  if (path.empty() || std::filesystem::is_regular_file(path, ignored)) return {};
  return fail(ErrorCode::kInvalid, std::string(option) + "=" + path + ": not a file; give a PEM file");
}

}  // namespace

Result<HttpClient> HttpClient::make(const SourceOptions& options) {
  Result<Endpoint> endpoint = parse_endpoint(options.url);
  if (!endpoint) return tl::unexpected(endpoint.error());
  if (Result<void> auth = check_auth(options.auth); !auth) return tl::unexpected(auth.error());
  const SourceTls& tls = options.tls;
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const char* missing = tls.cert_file.empty() ? "tls.cert_file" : "tls.key_file";
    return fail(ErrorCode::kInvalid, std::string(missing) + ": missing beside the other; set both or none");
  }
  const bool any = !tls.ca_file.empty() || !tls.cert_file.empty() || tls.insecure_skip_verify;
  if (any && !endpoint->tls) {
    return fail(ErrorCode::kInvalid,
                "url=" + options.url + ": not https://, but TLS options are set; change one of the two");
  }
  for (const auto& [option, path] : {std::pair{"tls.ca_file", &tls.ca_file},
                                     {"tls.cert_file", &tls.cert_file},
                                     {"tls.key_file", &tls.key_file}}) {
    if (Result<void> file = check_file(option, *path); !file) return tl::unexpected(file.error());
  }
  return HttpClient(std::move(*endpoint), options.auth, tls);
}

Outcome<void> HttpClient::post(const HttpRequest& request, SteadyTime deadline, const OnHead& on_head,
                               const OnBody& on_body) const {
  Outcome<Credentials> credentials = load_credentials(auth_);
  if (!credentials) return tl::unexpected(credentials.error());

  httplib::Request message;
  message.method = "POST";
  message.path = endpoint_.prefix + request.path;
  message.body = request.body;
  message.headers = {{"Host", endpoint_.authority},
                     {"User-Agent", "sonde-analyzer/" + std::string(build_info().version)},
                     {"Accept-Encoding", "identity"},
                     {"Content-Type", request.content_type}};
  for (const auto& [name, value] : request.headers) message.headers.emplace(name, value);
  if (!auth_.tenant.empty()) message.headers.emplace("X-Scope-OrgID", auth_.tenant);
  if (!credentials->authorization.empty())
    message.headers.emplace("Authorization", credentials->authorization);

  AnswerGuard guard;
  guard.deadline = deadline;
  Outcome<void> done;
  if (endpoint_.tls) {
    TlsClient client(endpoint_.host, endpoint_.port, guard);
    done = configure_tls(client, tls_, guard);
    if (done) done = exchange(client, message, guard, on_head, on_body);
  } else {
    PlainClient client(endpoint_.host, endpoint_.port, guard);
    done = exchange(client, message, guard, on_head, on_body);
  }
  if (!done) {
    const std::string url = (endpoint_.tls ? "https://" : "http://") + endpoint_.authority + message.path;
    done.error().message = url + ": " + redact(done.error().message, *credentials);
  }
  return done;
}

}  // namespace sonde::analyzer
