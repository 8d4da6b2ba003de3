#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/result.h"

struct pg_conn;

namespace sonde::demo {

/// One connection to PostgreSQL's table `item` that is opened at first use and again after a failure.
///
/// Errors: kUnavailable where the database does not answer; the next call connects anew.
/// Threads: one.
class Database {
 public:
  /// `connection_string` as libpq takes it: "host=10.77.0.8 dbname=shop user=postgres".
  explicit Database(std::string connection_string) : connection_string_(std::move(connection_string)) {}

  /// The item's description, or nothing where there is no such item.
  Result<std::optional<std::string>> description(int item);

 private:
  struct Disconnect {
    void operator()(pg_conn* connection) const;
  };

  Result<pg_conn*> connection();
  Error lost(std::string_view doing);

  std::string connection_string_;
  std::unique_ptr<pg_conn, Disconnect> connection_;
};

}  // namespace sonde::demo
