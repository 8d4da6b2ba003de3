#include "inject/faults/files.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "inject/container_processes.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/file_limit.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedLeft{"sonde_fault_asked_files_left", MetricType::kGauge, "files", kFaultLabels,
                               "How many files each process was to be able to open still."};
constexpr MetricRow kMeasuredLeft{"sonde_fault_measured_files_left", MetricType::kGauge, "files",
                                  kFaultLabels,
                                  "How many files the process can open now that can open the most: numbers "
                                  "of descriptors that are free below "
                                  "its limit."};
constexpr MetricRow kAskedProcesses{"sonde_fault_asked_limited_processes", MetricType::kGauge, "processes",
                                    kFaultLabels,
                                    "Processes whose limit was to be lowered and that still run."};
constexpr MetricRow kMeasuredProcesses{"sonde_fault_measured_limited_processes", MetricType::kGauge,
                                       "processes", kFaultLabels,
                                       "Of those the ones that have the lowered limit, read back."};

constexpr std::array kFilesRows = {kAskedLeft, kMeasuredLeft, kAskedProcesses, kMeasuredProcesses};

constexpr std::string_view kKey = "files-";
constexpr uint64_t kMostLeft = 100'000;
/// What a state file may hold; a container of more processes is not ours to starve.
constexpr size_t kMostProcesses = 1000;

/// What the state says of the limits. Errors: kInvalid.
Result<std::vector<FileLimit>> limits_in(const FaultState& state) {
  std::vector<FileLimit> limits;
  for (const auto& [key, value] : state.details) {
    if (!key.starts_with(kKey)) continue;
    pid_t pid = 0;
    std::from_chars(key.data() + kKey.size(), key.data() + key.size(), pid);
    const auto limit = parse_file_limit(pid, value);
    if (!limit) return tl::unexpected(limit.error());
    limits.push_back(*limit);
  }
  return limits;
}

/// Whose lowered limit a process has: its own, or that of the nearest of its ancestors that was limited, or,
/// where those are gone, of any that had the same. Null where it has none of ours.
const FileLimit* origin_of(const ProcessIdentity& process, uint64_t soft,
                           const std::vector<FileLimit>& limits) {
  const auto same = [&](const FileLimit& limit) { return limit.lowered == soft; };
  std::optional<ProcessIdentity> at = process;
  for (int depth = 0; at && depth < 64; ++depth) {
    const auto own = std::ranges::find(limits, *at, &FileLimit::process);
    if (own != limits.end()) return same(*own) ? &*own : nullptr;
    const auto stat = read_process_stat(at->pid);
    const auto parent = stat ? identify(stat->parent) : Result<ProcessIdentity>(tl::unexpected(stat.error()));
    at = parent ? std::optional(*parent) : std::nullopt;
  }
  const auto any = std::ranges::find_if(limits, same);
  return any == limits.end() ? nullptr : &*any;
}

class FilesFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--left", left_text_, "How many files each process can open still")
        ->type_name("COUNT")
        ->default_str(left_text_);
  }

  Result<void> check() override {
    if (left_text_ == "0") return {};
    const auto left = read_count("--left", left_text_, kMostLeft);
    if (!left)
      return fail(ErrorCode::kInvalid,
                  fmt::format("--left={}: give a whole number from 0 to {}", left_text_, kMostLeft));
    left_ = *left;
    return {};
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    if (auto apart = refuse_own_cgroup(target, "nobody there could open files to undo it"); !apart)
      return apart;
    for (const auto& process : container_processes(target)) {
      const auto before = soft_file_limit(process.pid);
      const auto lowered = limit_that_leaves(process.pid, left_);
      if (!before || !lowered || *lowered >= *before) continue;  // gone, or has less already
      limits_.push_back({process, *before, *lowered});
    }
    if (limits_.empty()) {
      return fail(
          ErrorCode::kInvalid,
          fmt::format("'{}' has no process that can open more than {} files; nothing can be taken from it",
                      target.path(), left_));
    }
    if (limits_.size() > kMostProcesses) {
      return fail(ErrorCode::kLimit, fmt::format("'{}' has {} processes; at most {} can be limited",
                                                 target.path(), limits_.size(), kMostProcesses));
    }
    for (const auto& limit : limits_) {
      state.details[fmt::format("{}{}", kKey, limit.process.pid)] = file_limit_text(limit);
    }
    state_ = state;
    return {};
  }

  Result<void> start(double level) override { return level == 1 ? lower() : Fault::set_level(level); }

  [[nodiscard]] Levels levels() const override { return Levels::kOnOff; }

  Result<void> set_level(double level) override {
    if (level != 0 && level != 1) return Fault::set_level(level);
    if ((level == 1) == lowered_) return {};
    lowered_ = level == 1;
    return lowered_ ? lower() : undo_files_fault(state_);
  }

  Result<Effect> measure() override {
    uint64_t running = 0;
    uint64_t limited = 0;
    uint64_t most_left = 0;
    for (const auto& limit : limits_) {
      if (!is_running(limit.process)) continue;
      ++running;
      const auto soft = soft_file_limit(limit.process.pid);
      if (!soft) continue;
      if (*soft == limit.lowered) ++limited;
      most_left = std::max(most_left, free_descriptors(limit.process.pid, *soft).value_or(0));
    }
    if (running == 0) return fail(ErrorCode::kUnavailable, "the processes that were limited are gone");
    Effect effect;
    // Two witnesses: the limits read back, and the numbers of the open descriptors below them.
    effect.proven = lowered_ && limited == running && most_left <= left_;
    effect.summary = fmt::format(
        "asked for {} files left to each of {} processes, {} have the limit, with {} left at most", left_,
        running, limited, most_left);
    effect.readings = {{&kAskedLeft, static_cast<double>(left_)},
                       {&kMeasuredLeft, static_cast<double>(most_left)},
                       {&kAskedProcesses, static_cast<double>(running)},
                       {&kMeasuredProcesses, static_cast<double>(limited)}};
    return effect;
  }

 private:
  Result<void> lower() {
    for (const auto& limit : limits_) {
      auto set = set_soft_file_limit(limit.process, limit.lowered);
      if (!set && set.error().code != ErrorCode::kNotFound) return set;
    }
    return {};
  }

  std::string left_text_ = "0";
  uint64_t left_ = 0;
  std::vector<FileLimit> limits_;
  FaultState state_;
  bool lowered_ = true;
};

}  // namespace

std::unique_ptr<Fault> make_files_fault() {
  return std::make_unique<FilesFault>();
}

std::span<const MetricRow> files_fault_metric_rows() {
  return kFilesRows;
}

Result<void> undo_files_fault(const FaultState& state) {
  const auto limits = limits_in(state);
  if (!limits) return tl::unexpected(limits.error());
  std::vector<ProcessIdentity> processes;
  for (const auto& limit : *limits)
    processes.push_back(limit.process);  // also those that have left the cgroup
  if (const auto target = CgroupTarget::find(state.cgroup)) {
    for (const auto& process : container_processes(*target)) processes.push_back(process);
  }
  Result<void> outcome;
  for (const auto& process : processes) {
    const auto soft = soft_file_limit(process.pid);
    if (!soft || !is_running(process)) continue;
    // One that is older than the fault and not named has a limit of its own.
    const bool named = std::ranges::count(*limits, process, &FileLimit::process) > 0;
    if (!named && process.start_ticks < state.injector.start_ticks) continue;
    const FileLimit* limit = origin_of(process, *soft, *limits);
    if (limit == nullptr) continue;
    auto set = set_soft_file_limit(process, limit->before);
    if (!set && set.error().code != ErrorCode::kNotFound) outcome = set;
  }
  return outcome;
}

}  // namespace sonde::inject
