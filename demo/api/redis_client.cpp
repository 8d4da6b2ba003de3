#include "demo/api/redis_client.h"

#include <fmt/format.h>
#include <hiredis/hiredis.h>

namespace sonde::demo {
namespace {

constexpr timeval kTimeout{.tv_sec = 1, .tv_usec = 0};

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

}  // namespace

void RedisClient::Disconnect::operator()(redisContext* context) const {
  redisFree(context);
}

Result<redisContext*> RedisClient::connection() {
  if (context_) return context_.get();
  context_.reset(redisConnectWithTimeout(host_.c_str(), port_, kTimeout));
  if (!context_ || context_->err != 0) return tl::unexpected(lost("connect"));
  redisSetTimeout(context_.get(), kTimeout);
  return context_.get();
}

Error RedisClient::lost(std::string_view doing) {
  const std::string reason = context_ ? context_->errstr : "out of memory";
  context_.reset();
  return {ErrorCode::kUnavailable, fmt::format("redis {}:{}: {}: {}", host_, port_, doing, reason)};
}

Result<std::optional<std::string>> RedisClient::get(const std::string& key) {
  auto connected = connection();
  if (!connected) return tl::unexpected(connected.error());
  const Reply reply(static_cast<redisReply*>(redisCommand(*connected, "GET %s", key.c_str())));
  if (!reply) return tl::unexpected(lost("GET"));
  if (reply->type == REDIS_REPLY_NIL) return std::optional<std::string>();
  if (reply->type != REDIS_REPLY_STRING) return tl::unexpected(lost("GET was refused"));
  return std::optional<std::string>(std::in_place, reply->str, reply->len);
}

Result<void> RedisClient::set(const std::string& key, const std::string& value,
                              std::chrono::milliseconds lifetime) {
  auto connected = connection();
  if (!connected) return tl::unexpected(connected.error());
  const auto milliseconds = static_cast<long long>(lifetime.count());
  const Reply reply(static_cast<redisReply*>(
      redisCommand(*connected, "SET %s %b PX %lld", key.c_str(), value.data(), value.size(), milliseconds)));
  if (!reply || reply->type == REDIS_REPLY_ERROR) return tl::unexpected(lost("SET"));
  return {};
}

}  // namespace sonde::demo
