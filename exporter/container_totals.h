#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/metrics/labels.h"
#include "common/metrics/metric_row.h"
#include "exporter/container_table.h"

namespace sonde::exporter {

/// Whose counts a scrape adds to: a container of the table, or a pod.
struct CountOwner {
  uint64_t life = 0;                         ///< its number, of one life alone
  const metrics::Labels* labels = nullptr;   ///< of its row
  const metrics::Labels* service = nullptr;  ///< of its service's row of those that ended
  bool alive = true;
  /// The number of the life's name; 0 where its row is the one of many, ~other.
  uint32_t name = 0;
  bool of_many = false;  ///< its row is ~other's
};

/// The containers of a table and those that ended, in the order of ContainerTable::find's indices.
std::vector<CountOwner> owners_of(const ContainerTable& containers);

/// How long rows stay, and how many.
struct RowRetention {
  /// Rows of which no owner lives are still exported for so long.
  std::chrono::milliseconds linger = std::chrono::seconds(60);
  /// Of those that a scrape has had since, so many, the latest; the others go before their time. Where many
  /// end, most of a page would be rows that say again what they said.
  size_t most_lingering = 500;
  /// So many containers that ended are remembered, the latest, and those that tables still have: for their
  /// rows, and for a successor.
  size_t most_ended = 2000;
  /// So many services have a row of those that ended; the others share ~other's.
  size_t most_services = 500;
  /// How many ended whose service has no such row, as the one that has seen most of them counts.
  std::shared_ptr<std::atomic<uint64_t>> ended_unlisted = std::make_shared<std::atomic<uint64_t>>(0);
  /// A row that appears is 0 at its first scrape, and what it counted by then is part of the next: for rows
  /// that appear because of what they count, of which increase() would not see the first counts.
  bool begin_at_zero = false;
};

/// sonde_exporter_ended_containers_unlisted_total
extern const metrics::MetricRow kEndedUnlistedRow;

/// Counters of containers as rows that never fall, however containers come and go.
///
/// Whatever is counted is added to the row of its present owner. A row belongs to its labels: owners with the
/// same labels share it, and a successor goes on where its predecessor ended. What a life counted in all is
/// added once, at its end, to the row of its service in ended(), which stays for good. Such a row is 0 at its
/// first scrape, so that increase() sees the first end too. A life that gets another name takes its counts to
/// that name's row, and the row that was its own alone goes at once. Threads: one.
class ContainerTotals {
 public:
  struct Row {
    metrics::Labels labels;
    std::vector<uint64_t> totals;  ///< `width` counters
  };

  ContainerTotals(size_t width, RowRetention retention) : width_(width), retention_(std::move(retention)) {}

  /// Begins a scrape: who there is.
  void begin(std::span<const CountOwner> owners, SteadyTime now);
  /// Whether an earlier begin() named it, and it is remembered.
  [[nodiscard]] bool knows(uint64_t life) const { return lives_.contains(life); }
  /// Adds `width` increments to a life that this begin() named, or an earlier one; false if it is forgotten.
  bool add(uint64_t life, std::span<const uint64_t> increments);
  /// Ends the scrape, once all counts are added: settles those that ended.
  void finish(SteadyTime now);

  /// The rows to export, each once: in the order of the owners, then those that linger.
  [[nodiscard]] std::span<const Row* const> rows() const { return listed_; }
  /// For each service the sum over its containers that ended.
  [[nodiscard]] std::span<const Row* const> ended() const { return ended_listed_; }

 private:
  struct StoredRow {
    Row row;
    std::vector<uint64_t> held;  ///< with begin_at_zero: counts of the scrape that made it
    uint64_t made_in = 0;        ///< number of the scrape
    SteadyTime alive_at;
    uint64_t alive_in = 0;   ///< number of the scrape
    uint64_t listed_in = 0;  ///< number of the scrape
    bool told = false;       ///< a scrape has had all its counts since its last owner ended
    bool hidden = false;     ///< told, and too many others ended since
    bool of_many = false;    ///< it is ~other's: never hidden
    size_t lives = 0;        ///< that point here
    bool forgotten = false;  ///< the last of them was forgotten
  };
  struct ServiceRow {
    Row shown;                     ///< as exported
    std::vector<uint64_t> totals;  ///< as of now
    uint64_t made_in = 0;          ///< number of the scrape
    size_t lives = 0;              ///< that point here
  };
  struct Life {
    StoredRow* row = nullptr;
    ServiceRow* service = nullptr;
    bool unlisted = false;         ///< its service shares ~other's row
    std::vector<uint64_t> totals;  ///< what it counted, as long as it is not part of the service's row
    uint64_t named_in = 0;         ///< number of the scrape
    uint64_t alive_in = 0;         ///< number of the scrape
    bool settled = false;          ///< it has ended
    SteadyTime ended_at;
    uint32_t name = 0;  ///< CountOwner::name of the last scrape
  };

  void show_held();
  StoredRow& row_of(const metrics::Labels& labels, SteadyTime now);
  ServiceRow& service_of(const metrics::Labels& labels);
  [[nodiscard]] std::vector<uint64_t>& counters_of(StoredRow& row) const;
  void move_to(StoredRow& row, Life& life, const CountOwner& owner);
  void set_service(Life& life, const metrics::Labels& labels);
  void settle(Life& life, SteadyTime now);
  void forget_old(SteadyTime now);
  void hide_surplus(SteadyTime now);
  void list_rows(SteadyTime now);
  [[nodiscard]] bool lingers(const StoredRow& row, SteadyTime now) const;
  void list(StoredRow& row);

  size_t width_;
  RowRetention retention_;
  uint64_t scrapes_ = 0;
  uint64_t ended_unlisted_ = 0;
  std::unordered_map<std::string, std::unique_ptr<StoredRow>> stored_;
  std::unordered_map<std::string, std::unique_ptr<ServiceRow>> services_;
  std::unordered_map<uint64_t, Life> lives_;
  std::vector<StoredRow*> made_;   ///< in this scrape
  std::vector<StoredRow*> named_;  ///< by the scrape's owners, in their order
  std::vector<const Row*> listed_;
  std::vector<const Row*> ended_listed_;
};

}  // namespace sonde::exporter
