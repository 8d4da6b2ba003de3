#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "exporter/cgroup_files.h"
#include "exporter/collectors/cgroup_collectors.h"
#include "exporter/read_totals.h"

namespace sonde::exporter {
namespace {

using identity::Hierarchy;
using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kOomKills{"sonde_container_oom_kills_total", MetricType::kCounter, "",
                              "namespace,pod,container,service",
                              "Processes of the container that the kernel killed for lack of memory. On "
                              "cgroup v1 a cgroup below it that "
                              "comes and goes between two scrapes is missed."};
constexpr std::array kRows{kOomKills};

/// A container's row where the kernel counts each cgroup on its own (v1): the sum over it and its
/// descendants, those that are gone included.
struct Folded {
  std::unordered_map<std::string, uint64_t> last;  ///< by path, of the cgroups that live
  uint64_t of_gone = 0;
  bool seen = false;

  /// Takes over the counts of now; a path whose count fell is a new cgroup.
  uint64_t update(std::unordered_map<std::string, uint64_t> now) {
    for (const auto& [path, count] : last) {
      const auto found = now.find(path);
      if (found == now.end() || found->second < count) of_gone += count;
    }
    last = std::move(now);
    uint64_t sum = of_gone;
    for (const auto& [path, count] : last) sum += count;
    return sum;
  }
};

class Oom final : public Collector {
 public:
  explicit Oom(const Environment& environment)
      : environment_(&environment), files_(environment, "oom"), kills_(1, environment.retention) {}

  Result<void> collect(const CollectContext& context, metrics::SeriesWriter& writer) override {
    for (auto& [id, folded] : folded_) folded.seen = false;
    kills_.begin();
    for (const Container& container : context.containers.containers()) {
      if (const auto kills = read(container)) kills_.set(container, std::array{*kills});
    }
    files_.end_scrape();
    std::erase_if(folded_, [](const auto& entry) { return !entry.second.seen; });
    kills_.finish(context.containers, SteadyClock::now());
    kills_.write(writer, kOomKills, parts_);
    return {};
  }

 private:
  std::optional<uint64_t> read(const Container& container) {
    const auto hierarchy = CgroupFiles::hierarchy_of(container, Hierarchy::kMemory);
    if (!hierarchy) return std::nullopt;
    const bool v1 = *hierarchy == Hierarchy::kMemory;
    const std::string_view file = v1 ? "memory.oom_control" : "memory.events";
    const auto own = kills_in(files_.read(container, *hierarchy, file));
    if (!v1 && !environment_->mounts.find(Hierarchy::kUnified)->memory_local_events) return own;
    return fold(container, *hierarchy, file, own);
  }

  std::optional<uint64_t> fold(const Container& container, Hierarchy hierarchy, std::string_view file,
                               std::optional<uint64_t> own) {
    Folded& folded = folded_[container.cgroup_ids[static_cast<size_t>(hierarchy)]];
    folded.seen = true;
    if (!own) return std::nullopt;
    std::unordered_map<std::string, uint64_t> now{{container.path, *own}};
    for (const std::string& path : container.descendants) {
      const auto kills = kills_in(files_.read_once(path, hierarchy, file));
      const auto last = folded.last.find(path);
      // Not to be read is not gone: else its kills would be counted again when it can be read.
      if (kills) {
        now[path] = *kills;
      } else if (last != folded.last.end()) {
        now[path] = last->second;
      }
    }
    return folded.update(std::move(now));
  }

  std::optional<uint64_t> kills_in(std::optional<std::string_view> text) {
    if (!text) return std::nullopt;
    std::optional<uint64_t> kills;
    identity::for_each_key(*text, [&](std::string_view key, uint64_t value) {
      if (key == "oom_kill") kills = value;
    });
    if (!kills) files_.count_malformed();
    return kills;
  }

  const Environment* environment_;
  CgroupFiles files_;
  ReadTotals kills_;
  const std::array<ReadTotals::Part, 1> parts_{{{0}}};
  std::unordered_map<uint64_t, Folded> folded_;  ///< by the container's id in the hierarchy of memory
};

}  // namespace

std::unique_ptr<Collector> make_oom_collector(const Environment& environment) {
  return std::make_unique<Oom>(environment);
}

std::span<const MetricRow> oom_metrics() {
  return kRows;
}

}  // namespace sonde::exporter
