#include "exporter/bpf_topic.h"

#include <algorithm>

#include "exporter/ended_family.h"

namespace sonde::exporter {
namespace {

/// Of cgroups whose container is not known to have ended: a removed one's last tasks and I/O are over by
/// then.
constexpr SteadyClock::duration kIdleBeforeEviction = std::chrono::seconds(60);
/// Shorter where room is scarce; a cgroup that still lives only has its entry made again.
constexpr auto kIdleUnderPressure = std::chrono::seconds(2);

}  // namespace

RowPlan rows_of_containers(const ContainerTable& containers) {
  RowPlan plan;
  plan.owners = owners_of(containers);
  plan.owner_of = [&containers](const MapKey& key) {
    return containers.find(static_cast<identity::Hierarchy>(key.hierarchy), key.id);
  };
  return plan;
}

CountedRows::CountedRows(CountSource& source, const BpfOptions& options)
    : source_(source), host_row_(options.host_row), accounts_(source.width(), options.retention) {}

Result<void> CountedRows::update(const RowPlan& plan, SteadyTime now) {
  return update([&plan](std::span<const MapKey>) { return plan; }, now);
}

Result<void> CountedRows::update(const PlanOfKeys& plan_of, SteadyTime now) {
  if (auto read = source_.read(reading_); !read) return read;
  const RowPlan plan = plan_of(reading_.keys);
  accounts_.update(reading_, plan.owners, plan.owner_of, now, plan.host_of);
  rows_.assign(accounts_.totals().rows().begin(), accounts_.totals().rows().end());
  if (host_row_) rows_.push_back(&accounts_.host_row());
  evict(now);
  return {};
}

void CountedRows::evict(SteadyTime now) {
  const size_t capacity = source_.capacity();
  const bool half_full = entries() * 2 >= capacity;
  const bool nearly_full = entries() * 4 >= capacity * 3;
  // Between two windows of a sampler every key looks idle.
  const auto idle_under_pressure = std::max<SteadyClock::duration>(kIdleUnderPressure, 3 * source_.period());
  const auto idle_for =
      nearly_full ? idle_under_pressure : std::max(kIdleBeforeEviction, idle_under_pressure);
  const std::vector<MapKey> idle = accounts_.idle(idle_for, half_full, now);
  const auto taken = source_.take(idle);
  for (size_t i = 0; i < idle.size(); ++i) {
    if (taken[i]) accounts_.forget(idle[i], *taken[i]);
  }
}

namespace {

void write_rows(metrics::SeriesWriter& writer, const metrics::MetricRow& family,
                std::span<const RowAccounts::Row* const> rows, std::span<const CounterPart> parts) {
  writer.family(family);
  for (const RowAccounts::Row* row : rows) {
    for (const CounterPart& part : parts) {
      const uint64_t total = row->totals[part.field] + (part.also ? row->totals[*part.also] : 0);
      writer.sample(row->labels, part.label, static_cast<double>(total));
    }
  }
}

}  // namespace

void write_counters(metrics::SeriesWriter& writer, const metrics::MetricRow& family, const CountedRows& rows,
                    std::span<const CounterPart> parts) {
  write_rows(writer, family, rows.rows(), parts);
  if (has_ended_family(family) && !rows.ended().empty())
    write_rows(writer, ended_family(family), rows.ended(), parts);
}

BpfTopic::BpfTopic(std::unique_ptr<BpfObject> object, size_t value_size, const BpfOptions& options)
    : object_(std::move(object)), counts_(object_->counts(value_size)), counted_(counts_, options) {}

Result<void> BpfTopic::update(const RowPlan& plan) {
  return update([&plan](std::span<const MapKey>) { return plan; });
}

Result<void> BpfTopic::update(const PlanOfKeys& plan_of) {
  auto updated = counted_.update(plan_of, SteadyClock::now());
  object_->set_entries(counted_.entries());
  return updated;
}

Result<std::unique_ptr<BpfTopic>> BpfTopic::start(BpfContext& context, const BpfObjectSource& source,
                                                  size_t value_size) {
  return start(context, source, value_size, context.options());
}

Result<std::unique_ptr<BpfTopic>> BpfTopic::start(BpfContext& context, const BpfObjectSource& source,
                                                  size_t value_size, const BpfOptions& options) {
  auto object = BpfObject::load(context, source);
  if (!object) return tl::unexpected<Error>(object.error());
  if (const auto attached = (*object)->attach(); !attached) return tl::unexpected<Error>(attached.error());
  return std::unique_ptr<BpfTopic>(new BpfTopic(std::move(*object), value_size, options));
}

}  // namespace sonde::exporter
