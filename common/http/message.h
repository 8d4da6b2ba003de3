#pragma once

#include <functional>
#include <map>
#include <string>

#include "common/clock.h"

namespace sonde::http {

/// What a handler sees of a request. The server's library stays behind this, in common/http's own files.
struct Request {
  std::string method;
  std::string path;
  std::multimap<std::string, std::string> parameters;  ///< of the query string, decoded
  std::map<std::string, std::string> headers;          ///< names in lower case; the last of a repeated one
  std::string body;
  std::string remote_address;  ///< the peer's IP address as the kernel knows it, never a header's word
  /// Whether the client has shown who it is, as --web.config.file wants of everyone: by a password, or by a
  /// certificate that was verified.
  bool authenticated = false;

  /// The parameter's value, or "" where it is absent.
  [[nodiscard]] std::string parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  }
  /// The header's value by its lower-case name, or "" where it is absent.
  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers;
};

/// A parameter of a page's query string, as the landing page explains it.
struct PageParameter {
  std::string name;     ///< "service"
  std::string meaning;  ///< what it does, the values that it takes, what applies without it
};

/// Answers a request; called on one of the server's threads, possibly several at once.
using Handler = std::function<Response(const Request&)>;

}  // namespace sonde::http
