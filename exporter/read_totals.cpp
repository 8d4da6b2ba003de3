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
  const auto [found, is_new] = known_.try_emplace(container.life);
  Known& known = found->second;
  known.value.assign(counts.begin(), counts.end());
  known.read_in = scrapes_;
  if (!is_new) return;
  known.counts.assign(counts.size(), 0);
  if (!container.owns_past) known.counts = known.value;
}

void ReadTotals::finish(const ContainerTable& containers, SteadyTime now) {
  // Who was never read has no row: its cgroup may have no such file.
  std::vector<CountOwner> owners = owners_of(containers);
  std::erase_if(owners, [&](const CountOwner& owner) {
    const auto known = known_.find(owner.life);
    if (known != known_.end()) known->second.named_in = scrapes_;
    const bool was_read = known != known_.end() && known->second.read_in == scrapes_;
    return !was_read && !totals_.knows(owner.life);
  });
  totals_.begin(owners, now);
  std::erase_if(known_, [this](const auto& entry) { return entry.second.named_in != scrapes_; });
  for (auto& [life, known] : known_) {
    if (known.read_in != scrapes_) continue;
    for (size_t field = 0; field < increments_.size(); ++field) {
      const uint64_t count = std::max(known.value[field], known.counts[field]);
      increments_[field] = count - known.counts[field];
      known.counts[field] = count;
    }
    totals_.add(life, increments_);
  }
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
