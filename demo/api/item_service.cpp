#include "demo/api/item_service.h"

#include <fmt/format.h>

#include <random>

#include "demo/api/item_page.h"

namespace sonde::demo {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kLookups{"shop_item_lookups_total", MetricType::kCounter, "", "cache",
                             "Items looked up, by whether Redis had them."};
constexpr MetricRow kFailures{"shop_backend_failures_total", MetricType::kCounter, "", "backend",
                              "Calls that Redis or PostgreSQL did not answer."};

/// Lifetimes differ so that items which were stored together do not expire together.
std::chrono::milliseconds cache_lifetime() {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(5000, 15000)(random));
}

}  // namespace

Result<std::string> ItemService::item(int id) {
  auto connections = borrow();
  auto page = item(id, *connections);
  give_back(std::move(connections));
  return page;
}

Result<std::string> ItemService::item(int id, Connections& connections) {
  const std::string key = fmt::format("item:{}", id);
  const auto cached = connections.redis.get(key);
  if (!cached) ++cache_failures_;
  if (cached && *cached) {
    ++hits_;
    return item_page(id, **cached, true, options_.rounds);
  }
  ++misses_;
  const auto stored = connections.database.description(id);
  if (!stored) {
    ++database_failures_;
    return tl::unexpected(stored.error());
  }
  if (!*stored) return fail(ErrorCode::kNotFound, fmt::format("there is no item {}", id));
  if (cached && !connections.redis.set(key, **stored, cache_lifetime())) ++cache_failures_;
  return item_page(id, **stored, false, options_.rounds);
}

std::unique_ptr<ItemService::Connections> ItemService::borrow() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) {
    return std::make_unique<Connections>(RedisClient(options_.redis_host, options_.redis_port),
                                         Database(options_.postgres));
  }
  auto connections = std::move(idle_.back());
  idle_.pop_back();
  return connections;
}

void ItemService::give_back(std::unique_ptr<Connections> connections) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connections));
}

void ItemService::write_metrics(metrics::SeriesWriter& writer) const {
  writer.family(kLookups);
  writer.sample({{"cache", "hit"}}, static_cast<double>(hits_));
  writer.sample({{"cache", "miss"}}, static_cast<double>(misses_));
  writer.family(kFailures);
  writer.sample({{"backend", "redis"}}, static_cast<double>(cache_failures_));
  writer.sample({{"backend", "postgresql"}}, static_cast<double>(database_failures_));
}

}  // namespace sonde::demo
