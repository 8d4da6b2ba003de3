#pragma once

#include <memory>
#include <string>

#include "common/http/access/live_web_config.h"
#include "common/http/access/password_check.h"
#include "common/http/access/token_bucket.h"
#include "common/http/message.h"

namespace sonde::http {

/// What stands between requests and pages where there is a --web.config.file: the rate limit, passwords for
/// every path, and headers of every answer. Threads: safe.
class WebAccess {
 public:
  /// `realm` is what a browser shows when it asks for the password.
  WebAccess(std::unique_ptr<LiveWebConfig> config, std::string realm)
      : config_(std::move(config)), realm_(std::move(realm)) {}

  /// The page's answer, or 401, 429 or 503. The page does not see the Authorization header.
  Response answer(const Request& request, const Handler& page);
  /// For the next connection; null where the configuration has no TLS, which never changes.
  std::shared_ptr<const TlsContext> tls() { return config_->current()->tls; }

 private:
  Response admit(const WebConfig& config, const Request& request, const Handler& page);

  std::unique_ptr<LiveWebConfig> config_;
  const std::string realm_;
  PasswordCheck passwords_;
  TokenBucket bucket_;
};

}  // namespace sonde::http
