#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "demo/api/database.h"
#include "demo/api/redis_client.h"

namespace sonde::demo {

/// Where the service finds the others, and how much it works.
struct ItemServiceOptions {
  std::string redis_host = "127.0.0.1";
  uint16_t redis_port = 6379;
  std::string postgres = "host=127.0.0.1 dbname=shop user=postgres";
  unsigned rounds = 5000;  ///< of the checksum of item_page(): CPU per request
};

/// Looks an item up: in Redis, on a miss in PostgreSQL (and then stores it in Redis for 5 to 15 s).
/// Threads: safe.
class ItemService {
 public:
  explicit ItemService(ItemServiceOptions options) : options_(std::move(options)) {}

  /// The item's JSON document. Errors: kNotFound; kUnavailable where the database does not answer. A Redis
  /// that does not answer is counted and worked around.
  Result<std::string> item(int id);

  void write_metrics(metrics::SeriesWriter& writer) const;

 private:
  /// A request's own connections.
  struct Connections {
    RedisClient redis;
    Database database;
  };
  /// Takes an idle pair of connections, or makes one: as many are open as requests ever ran at once.
  std::unique_ptr<Connections> borrow();
  void give_back(std::unique_ptr<Connections> connections);
  Result<std::string> item(int id, Connections& connections);

  ItemServiceOptions options_;
  std::mutex mutex_;  ///< guards idle_
  std::vector<std::unique_ptr<Connections>> idle_;
  std::atomic<uint64_t> hits_ = 0;
  std::atomic<uint64_t> misses_ = 0;
  std::atomic<uint64_t> cache_failures_ = 0;
  std::atomic<uint64_t> database_failures_ = 0;
};

}  // namespace sonde::demo
