#include "inject/faults/disk.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "common/byte_size.h"
#include "common/clock.h"
#include "inject/cgroup_accounts.h"
#include "inject/faults/disk_load.h"
#include "inject/faults/fault_flags.h"
#include "inject/faults/injected_process.h"
#include "inject/level_history.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr MetricRow kAskedDiskRate{
    "sonde_fault_asked_disk_bytes_per_second", MetricType::kGauge, "bytes per second", kFaultLabels,
    "Rate at which the injected process was asked to read and write: the mean since the fault's start."};
constexpr MetricRow kMeasuredDiskRate{"sonde_fault_measured_disk_bytes_per_second", MetricType::kGauge,
                                      "bytes per second", kFaultLabels,
                                      "Rate at which it reads and writes, by the kernel's account of the "
                                      "process (/proc/PID/io): the mean since "
                                      "the fault's start."};
constexpr MetricRow kCgroupDiskRate{"sonde_fault_cgroup_disk_bytes_per_second", MetricType::kGauge,
                                    "bytes per second", kFaultLabels,
                                    "Rate at which the whole target cgroup reads from and writes to devices: "
                                    "the mean since the fault's start; 0 "
                                    "where the kernel does not account it."};

constexpr std::array kDiskRows = {kAskedDiskRate, kMeasuredDiskRate, kCgroupDiskRate};

/// Bytes that a process caused to be read from and written to devices. Source: proc(5), /proc/PID/io.
std::optional<IoBytes> process_io_bytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/io", pid));
  IoBytes bytes;
  bool found = false;
  std::string key;
  for (uint64_t value = 0; file >> key >> value;) {
    if (key == "read_bytes:") bytes.read = value;
    if (key == "write_bytes:") bytes.written = value;
    found = found || key == "write_bytes:";
  }
  return found ? std::optional(bytes) : std::nullopt;
}

uint64_t sum(const IoBytes& bytes) {
  return bytes.read + bytes.written;
}

class DiskFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--rate", rate_text_, "How much to read and write a second, such as 10MiB")
        ->type_name("SIZE")
        ->default_str(rate_text_);
    app.add_option("--mode", mode_, "read, write, or both in turn (a reader writes its file once, too)")
        ->type_name("MODE")
        ->default_str(mode_);
    app.add_option(
           "--folder", folder_,
           "Folder of the container, on whose disk the file is made; it has no name and is gone with the "
           "fault")
        ->type_name("FOLDER")
        ->default_str(folder_);
    app.add_option("--file-size", size_text_, "Size of the file, which is gone over again and again")
        ->type_name("SIZE")
        ->default_str(size_text_);
    min_effect_.add_to(app, "--rate");
  }

  Result<void> check() override {
    const auto rate = read_size("--rate", rate_text_);
    if (!rate) return tl::unexpected(rate.error());
    const auto size = read_size("--file-size", size_text_);
    if (!size) return tl::unexpected(size.error());
    if (*rate < kDiskBlockBytes || *size < kDiskBlockBytes) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--rate={} --file-size={}: less than a block; give 64KiB or more", rate_text_,
                              size_text_));
    }
    if (mode_ != "read" && mode_ != "write" && mode_ != "both") {
      return fail(ErrorCode::kInvalid, fmt::format("--mode={}: use read, write or both", mode_));
    }
    plan_ = {*rate, *size / kDiskBlockBytes * kDiskBlockBytes, mode_ != "write", mode_ != "read"};
    return min_effect_.check();
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    target_ = target;
    auto file = open_nameless_file(target, folder_);
    if (!file) return tl::unexpected(file.error());
    const auto work = [plan = plan_](SharedFigures& figures, SteadyTime lease_end) {
      load_disk(plan, InjectedProcess::kFile, figures, lease_end);
    };
    return process_.prepare(target, state, {"sonde-disk", work, file->get()});
  }

  Result<void> start(double level) override {
    process_.figures().level = level;
    if (auto started = process_.start(); !started) return started;
    levels_.begin(SteadyClock::now());
    levels_.set(level, SteadyClock::now());
    const auto now = sample();
    if (!now) return tl::unexpected(now.error());
    first_ = last_ = *now;
    return {};
  }

  [[nodiscard]] Levels levels() const override { return Levels::kAny; }

  Result<void> set_level(double level) override {
    levels_.set(level, SteadyClock::now());
    process_.figures().level = level;
    return {};
  }

  Result<Effect> measure() override {
    const auto now = sample();
    if (!now) return tl::unexpected(now.error());
    const Rates recent = between(last_, *now);
    const Rates whole = between(first_, *now);
    const bool accounted = whole.cgroup > 0;
    Effect effect;
    // Two witnesses: the process's account and its cgroup's. Not every file system tells the cgroup (v1 does
    // not know who wrote what the kernel writes back later).
    effect.proven = now->time - last_.time >= kShortestProof && recent.level >= kProvableLevel &&
                    recent.process >= min_effect_.value() * recent.asked &&
                    (!accounted || whole.cgroup >= 0.5 * whole.process);
    effect.summary = fmt::format(
        "asked for {}/s, the process moved {}/s, its cgroup {}, {} reads and writes failed",
        bytes_text(recent.asked), bytes_text(recent.process),
        accounted ? bytes_text(recent.cgroup) + "/s" : "is not accounted", process_.figures().losses.load());
    effect.readings = {{&kAskedDiskRate, whole.asked},
                       {&kMeasuredDiskRate, whole.process},
                       {&kCgroupDiskRate, whole.cgroup}};
    // A slow disk takes some at a time: the window grows until something shows.
    if (now->time - last_.time >= kShortestProof && recent.process > 0) last_ = *now;
    return effect;
  }

  [[nodiscard]] int broken_descriptor() const override { return process_.descriptor(); }

 private:
  struct Sample {
    SteadyTime time;
    uint64_t process_bytes = 0;
    uint64_t cgroup_bytes = 0;
    double full_seconds = 0;  ///< asked for so far, as time at level 1
  };
  /// Means. Unit: bytes per second.
  struct Rates {
    double asked = 0;
    double process = 0;
    double cgroup = 0;
    double level = 0;  ///< 0 to 1
  };

  [[nodiscard]] Result<Sample> sample() const {
    const auto process = process_io_bytes(process_.identity().pid);
    if (!process || !process_.runs()) return fail(ErrorCode::kUnavailable, "the injected process is gone");
    const SteadyTime now = SteadyClock::now();
    return Sample{now, sum(*process), sum(io_bytes(target_).value_or(IoBytes{})), levels_.full_seconds(now)};
  }

  [[nodiscard]] Rates between(const Sample& from, const Sample& to) const {
    const double wall = std::max(1e-9, std::chrono::duration<double>(to.time - from.time).count());
    Rates rates;
    rates.level = (to.full_seconds - from.full_seconds) / wall;
    rates.asked = rates.level * static_cast<double>(plan_.bytes_per_second);
    rates.process = static_cast<double>(to.process_bytes - from.process_bytes) / wall;
    rates.cgroup = static_cast<double>(to.cgroup_bytes - from.cgroup_bytes) / wall;
    return rates;
  }

  std::string rate_text_ = "10MiB";
  std::string mode_ = "both";
  std::string folder_ = "/tmp";
  std::string size_text_ = "64MiB";
  DiskPlan plan_;
  MinEffect min_effect_;
  CgroupTarget target_;
  InjectedProcess process_;
  LevelHistory levels_;
  Sample first_;
  Sample last_;
};

}  // namespace

std::unique_ptr<Fault> make_disk_fault() {
  return std::make_unique<DiskFault>();
}

std::span<const MetricRow> disk_fault_metric_rows() {
  return kDiskRows;
}

}  // namespace sonde::inject
