#include "common/http/access/web_access.h"

#include "common/clock.h"
#include "common/http/access/credentials.h"
#include "common/log.h"

namespace sonde::http {
namespace {

Response turn_away(int status, const char* line) {
  Response response;
  response.status = status;
  response.body = line;
  return response;
}

}  // namespace

Response WebAccess::answer(const Request& request, const Handler& page) {
  const std::shared_ptr<const LoadedWebConfig> now = config_->current();
  Response response = admit(now->config, request, page);
  for (const auto& [name, value] : now->config.headers) {
    if (name == "X-Content-Type-Options") continue;  // every answer has it anyway
    response.headers.emplace(name, value);           // what a page says of itself goes first
  }
  return response;
}

Response WebAccess::admit(const WebConfig& config, const Request& request, const Handler& page) {
  if (!bucket_.take(config.rate_limit, SteadyClock::now())) {
    return turn_away(429, "too many requests (rate_limit of --web.config.file)\n");
  }
  const bool certified = config.tls && config.tls->client_auth == ClientAuth::kRequireAndVerify;
  if (config.users.empty()) {
    if (!certified) return page(request);
    Request admitted = request;
    admitted.authenticated = true;
    return page(admitted);
  }
  const auto credentials = parse_credentials(request.header("authorization"));
  PasswordCheck::Verdict verdict = PasswordCheck::Verdict::kWrong;
  if (credentials) verdict = passwords_.check(config.users, *credentials, request.remote_address);
  if (verdict == PasswordCheck::Verdict::kRight) {
    Request admitted = request;
    admitted.headers.erase("authorization");
    admitted.authenticated = true;
    return page(admitted);
  }
  if (verdict == PasswordCheck::Verdict::kBusy) {
    Response response = turn_away(503, "too many passwords wait to be checked; try again\n");
    response.headers["Retry-After"] = "1";
    return response;
  }
  if (credentials) log::debug("a wrong user or password", {{"remote", request.remote_address}});
  Response response = turn_away(401, "user and password are wanted here\n");
  response.headers["WWW-Authenticate"] = "Basic realm=\"" + realm_ + "\", charset=\"UTF-8\"";
  return response;
}

}  // namespace sonde::http
