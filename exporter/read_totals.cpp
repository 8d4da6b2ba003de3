#include "exporter/read_totals.h"

#include <algorithm>

#include "exporter/ended_family.h"

namespace sonde::exporter {
namespace {

void write_samples(metrics::SeriesWriter& writer, std::span<const ContainerTotals::Row* const> rows,
                   std::span<const ReadTotals::Part> parts, double per_unit) {
  for (const ContainerTotals::Row* row : rows) {
    for (const ReadTotals::Part& part : parts) {
      writer.sample(row->labels, part.label, static_cast<double>(row->totals[part.field]) / per_unit);
    }
  }
}

}  // namespace

void ReadTotals::set(const Container& container, std::span<const uint64_t> counts) {
  values_[container.life].assign(counts.begin(), counts.end());
  const auto [known, is_new] = last_.try_emplace(container.life);
  if (!is_new) return;
  known->second.counts.assign(counts.size(), 0);
  if (!container.owns_past) known->second.counts.assign(counts.begin(), counts.end());
}

void ReadTotals::finish(const ContainerTable& containers, SteadyTime now) {
  // Who was never read has no row: its cgroup may have no such file.
  std::vector<CountOwner> owners = owners_of(containers);
  std::erase_if(owners, [&](const CountOwner& owner) {
    return !values_.contains(owner.life) && !totals_.knows(owner.life);
  });
  totals_.begin(owners, now);
  for (auto& [life, known] : last_) known.seen = false;
  for (const CountOwner& owner : owners) {
    const auto last = last_.find(owner.life);
    if (last == last_.end()) continue;
    Known& known = last->second;
    known.seen = true;
    const auto value = values_.find(owner.life);
    if (value == values_.end()) continue;
    for (size_t field = 0; field < increments_.size(); ++field) {
      const uint64_t count = std::max(value->second[field], known.counts[field]);
      increments_[field] = count - known.counts[field];
      known.counts[field] = count;
    }
    totals_.add(owner.life, increments_);
  }
  std::erase_if(last_, [](const auto& entry) { return !entry.second.seen; });
  totals_.finish(now);
}

void ReadTotals::write(metrics::SeriesWriter& writer, const metrics::MetricRow& family,
                       std::span<const Part> parts, double per_unit) const {
  writer.family(family);
  write_rows(writer, parts, per_unit);
  if (!has_ended()) return;
  writer.family(ended_family(family));
  write_ended(writer, parts, per_unit);
}

void ReadTotals::write_rows(metrics::SeriesWriter& writer, std::span<const Part> parts,
                            double per_unit) const {
  write_samples(writer, totals_.rows(), parts, per_unit);
}

void ReadTotals::write_ended(metrics::SeriesWriter& writer, std::span<const Part> parts,
                             double per_unit) const {
  write_samples(writer, totals_.ended(), parts, per_unit);
}

}  // namespace sonde::exporter
