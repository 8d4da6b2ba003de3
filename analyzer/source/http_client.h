#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/source/fault.h"
#include "analyzer/source/source_options.h"
#include "common/clock.h"

namespace sonde::analyzer {

/// Where requests go, taken apart.
struct Endpoint {
  bool tls = false;
  std::string host;  ///< without the brackets of an IPv6 address
  int port = 0;
  std::string authority;  ///< host and port as they stand in the URL, for the Host header
  std::string prefix;     ///< of every path, without a trailing slash
};

/// Errors: kInvalid for another scheme, credentials in the URL, a query, or no host.
Result<Endpoint> parse_endpoint(const std::string& url);

/// One request; always a POST, since queries outgrow what servers take in a URL.
struct HttpRequest {
  std::string path;  ///< behind the endpoint's prefix
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// The beginning of an answer with status 200.
struct HttpReplyHead {
  std::string content_type;
  std::string content_encoding;  ///< "" where there is none
};

/// The client half of HTTP behind which cpp-httplib stays, in one file. It follows no redirect, decompresses
/// nothing, and reads through a guard of its own, as cpp-httplib 0.11.4 bounds neither the header nor the
/// time of an answer. Each request has its own connection.
///
/// Threads: safe.
class HttpClient {
 public:
  using OnHead = std::function<Outcome<void>(const HttpReplyHead&)>;
  using OnBody = std::function<Outcome<void>(std::span<const uint8_t>)>;

  /// Errors: kInvalid for an option that cannot be right.
  static Result<HttpClient> make(const SourceOptions& options);

  /// Sends the request; hands over head and body of an answer with status 200. Errors: a Fault, with what
  /// on_head and on_body returned among them; after a success the answer came to its visible end.
  Outcome<void> post(const HttpRequest& request, SteadyTime deadline, const OnHead& on_head,
                     const OnBody& on_body) const;

 private:
  HttpClient(Endpoint endpoint, SourceAuth auth, SourceTls tls)
      : endpoint_(std::move(endpoint)), auth_(std::move(auth)), tls_(std::move(tls)) {}

  Endpoint endpoint_;
  SourceAuth auth_;
  SourceTls tls_;
};

}  // namespace sonde::analyzer
