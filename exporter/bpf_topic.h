#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/metrics/series_writer.h"
#include "common/result.h"
#include "exporter/bpf_map.h"
#include "exporter/bpf_program.h"
#include "exporter/collector.h"
#include "exporter/row_accounts.h"

namespace sonde::exporter {

/// Which rows a scrape exports and who owns a key.
struct RowPlan {
  std::vector<CountOwner> owners;
  RowAccounts::OwnerOf owner_of;
  RowAccounts::OwnerOf host_of{};  ///< as in RowAccounts::update()
};

/// Makes the plan where it depends on which keys there are.
using PlanOfKeys = std::function<RowPlan(std::span<const MapKey>)>;

/// Rows of containers; keys are cgroups.
RowPlan rows_of_containers(const ContainerTable& containers);

/// A count source and the rows that its counts have become. Threads: one.
class CountedRows {
 public:
  CountedRows(CountSource& source, const BpfOptions& options);

  /// Reads the source, adds what is new to the rows and deletes the entries of cgroups that are gone.
  Result<void> update(const RowPlan& plan, SteadyTime now);
  Result<void> update(const PlanOfKeys& plan_of, SteadyTime now);

  /// Every row to export; the host's last, if it is exported.
  [[nodiscard]] std::span<const RowAccounts::Row* const> rows() const { return rows_; }
  /// Those of services' ended containers.
  [[nodiscard]] std::span<const RowAccounts::Row* const> ended() const { return accounts_.totals().ended(); }
  /// Entries in the source at the last update.
  [[nodiscard]] size_t entries() const { return reading_.keys.size(); }

 private:
  void evict(SteadyTime now);

  CountSource& source_;
  bool host_row_;
  RowAccounts accounts_;
  MapReading reading_;
  std::vector<const RowAccounts::Row*> rows_;
};

/// A counter of a value's struct as one sample of a family, with a label of its own.
struct CounterPart {
  size_t field;                  ///< index of the 64-bit counter in the struct
  metrics::Labels label{};       ///< such as mode="user"
  std::optional<size_t> also{};  ///< index of another that is added to it
};

/// Writes a family with one sample per row and part, and that of the ended containers.
void write_counters(metrics::SeriesWriter& writer, const metrics::MetricRow& family, const CountedRows& rows,
                    std::span<const CounterPart> parts);

/// One topic at work: its programs, attached, its map `counts` and the rows made of it. Threads: one.
class BpfTopic {
 public:
  /// Loads and attaches. Errors: as BpfObject::load() and attach().
  static Result<std::unique_ptr<BpfTopic>> start(BpfContext& context, const BpfObjectSource& source,
                                                 size_t value_size);
  /// The same with rows of other options than the context's.
  static Result<std::unique_ptr<BpfTopic>> start(BpfContext& context, const BpfObjectSource& source,
                                                 size_t value_size, const BpfOptions& options);

  BpfObject& object() { return *object_; }

  /// Takes in what was counted since the last call. Errors: the map could not be read.
  Result<void> update(const RowPlan& plan);
  Result<void> update(const PlanOfKeys& plan_of);
  /// The rows as of the last update.
  [[nodiscard]] const CountedRows& counted() const { return counted_; }

 private:
  BpfTopic(std::unique_ptr<BpfObject> object, size_t value_size, const BpfOptions& options);

  std::unique_ptr<BpfObject> object_;
  SlotCounts counts_;
  CountedRows counted_;
};

}  // namespace sonde::exporter
