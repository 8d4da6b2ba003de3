#include "demo/api/database.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>

namespace sonde::demo {
namespace {

constexpr const char* kQuery = "item";  // name of the prepared statement

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using QueryResult = std::unique_ptr<PGresult, Clear>;

}  // namespace

void Database::Disconnect::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Result<pg_conn*> Database::connection() {
  if (connection_) return connection_.get();
  connection_.reset(PQconnectdb(connection_string_.c_str()));
  if (PQstatus(connection_.get()) != CONNECTION_OK) return tl::unexpected(lost("connect"));
  const QueryResult prepared(
      PQprepare(connection_.get(), kQuery, "SELECT description FROM item WHERE id = $1::int", 1, nullptr));
  if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) return tl::unexpected(lost("prepare"));
  return connection_.get();
}

Error Database::lost(std::string_view doing) {
  std::string reason = PQerrorMessage(connection_.get());
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();
  connection_.reset();
  return {ErrorCode::kUnavailable, fmt::format("postgresql: {}: {}", doing, reason)};
}

Result<std::optional<std::string>> Database::description(int item) {
  auto connected = connection();
  if (!connected) return tl::unexpected(connected.error());
  const std::string id = fmt::to_string(item);
  const std::array<const char*, 1> values{id.c_str()};
  const QueryResult rows(PQexecPrepared(*connected, kQuery, 1, values.data(), nullptr, nullptr, 0));
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK) return tl::unexpected(lost("select"));
  if (PQntuples(rows.get()) == 0) return std::optional<std::string>();
  return std::optional<std::string>(PQgetvalue(rows.get(), 0, 0));
}

}  // namespace sonde::demo
