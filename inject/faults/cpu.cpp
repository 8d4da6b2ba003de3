#include "inject/faults/cpu.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include "common/clock.h"
#include "inject/faults/duty_cycle.h"

namespace sonde::inject {
namespace {

using metrics::MetricRow;
using metrics::MetricType;

constexpr std::string_view kLabels = "namespace,pod,container,service,fault";
constexpr MetricRow kAskedCores{"sonde_fault_asked_cores", MetricType::kGauge, "cores", kLabels,
                                "CPU cores that the injected process was asked to burn."};
constexpr MetricRow kMeasuredCores{
    "sonde_fault_measured_cores", MetricType::kGauge, "cores", kLabels,
    "CPU cores that the injected process burns, by its own process time: the mean since the fault's start."};
constexpr MetricRow kCgroupCores{
    "sonde_fault_cgroup_cores", MetricType::kGauge, "cores", kLabels,
    "CPU cores that the whole target cgroup uses, container and injected process: the mean since the fault's "
    "start."};

constexpr std::array kRows = {kAskedCores, kMeasuredCores, kCgroupCores};

constexpr std::chrono::milliseconds kShortestProof(200);  // two CFS periods: less says nothing under a limit
constexpr std::chrono::seconds kKillPatience(5);
constexpr double kAccountingSlackSeconds =
    0.02;  // what a cgroup's counter may lag behind, two ticks at 100 Hz
constexpr double kSmallestCores = 0.05;

double seconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

/// The strict half of a flag: the whole text is a finite number.
std::optional<double> parse_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The two ends of a pipe that hog and injector talk through once.
struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;

  static Pipe make() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return {};
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
  }
};

/// The hog's whole life. It must not outlive its parent for a moment (PR_SET_PDEATHSIG), nor its lease by
/// itself.
[[noreturn]] void run_hog(const CgroupTarget& target, const std::vector<double>& shares, pid_t parent,
                          SteadyTime lease_end, const Pipe& go, const Pipe& answer) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it died before the line above
  prctl(PR_SET_NAME, "sonde-cpu-hog");
  // Where the target's memory runs out, the hog goes first, never the container's own process.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  char word = 0;
  if (read(go.read_end.get(), &word, 1) != 1) _exit(0);
  const Result<void> joined = target.join();
  const std::string text = joined ? "ok" : joined.error().message;
  if (write(answer.write_end.get(), text.data(), text.size()) < 0 || !joined) _exit(1);
  close_range(3, ~0U, 0);
  burn(shares, lease_end);
  _exit(0);
}

class CpuFault : public Fault {
 public:
  void add_flags(CLI::App& app) override {
    app.add_option("--cores", cores_text_, "CPU cores to burn; 0.5 burns one for half of the time")
        ->type_name("CORES")
        ->default_str(cores_text_);
    app.add_option(
           "--min-effect", min_effect_text_,
           "Share of --cores (or of the cgroup's CPU limit, if that is less) that must be measured for the "
           "fault to count as active, above 0 and at most 1")
        ->type_name("RATIO")
        ->default_str(min_effect_text_);
  }

  Result<void> check() override {
    const double machine = std::max(1U, std::thread::hardware_concurrency());
    const auto cores = parse_number(cores_text_);
    if (!cores || !(*cores >= kSmallestCores) || *cores > machine) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--cores={}: give a number from {} to {}, this machine's CPUs", cores_text_,
                              kSmallestCores, machine));
    }
    const auto min_effect = parse_number(min_effect_text_);
    if (!min_effect || !(*min_effect > 0) || *min_effect > 1) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--min-effect={}: give a number above 0, at most 1", min_effect_text_));
    }
    cores_ = *cores;
    min_effect_ = *min_effect;
    return {};
  }

  Result<void> prepare(const CgroupTarget& target, FaultState& state) override {
    target_ = target;
    go_ = Pipe::make();
    answer_ = Pipe::make();
    const auto lease = std::chrono::milliseconds(state.expires_unix_ms - unix_milliseconds_now());
    const SteadyTime lease_end = SteadyClock::now() + lease;
    const std::vector<double> shares = thread_shares(cores_);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) return fail(ErrorCode::kUnavailable, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) run_hog(target, shares, parent, lease_end, go_, answer_);
    answer_.write_end.reset();
    go_.read_end.reset();
    auto hog = identify(child);
    if (!hog) return tl::unexpected(hog.error());
    auto descriptor = open_process(*hog);
    if (!descriptor) return tl::unexpected(descriptor.error());
    hog_ = *hog;
    hog_descriptor_ = std::move(*descriptor);
    state.processes.push_back(hog_);
    return {};
  }

  Result<void> start() override {
    char text[512] = {};
    if (write(go_.write_end.get(), "g", 1) != 1 || read(answer_.read_end.get(), text, sizeof text - 1) <= 0) {
      return fail(ErrorCode::kUnavailable, "the injected process died before it reached the cgroup");
    }
    if (std::string_view(text) != "ok") return fail(ErrorCode::kUnavailable, text);
    auto now = sample();
    if (!now) return tl::unexpected(now.error());
    first_ = last_ = *now;
    return {};
  }

  Result<Effect> measure() override {
    const auto now = sample();
    if (!now) return tl::unexpected(now.error());
    const double limit = target_.cpu_limit_cores().value_or(cores_);
    const double expected = std::min(cores_, limit);
    const Usage recent = between(last_, *now);
    const Usage whole = between(first_, *now);
    Effect effect;
    // Two witnesses: the process's own clock says that it ran, the cgroup's that it ran in there.
    effect.proven = now->time - last_.time >= kShortestProof && recent.hog_cores >= min_effect_ * expected &&
                    recent.cgroup_seconds + kAccountingSlackSeconds >= 0.9 * recent.hog_seconds;
    effect.summary =
        fmt::format("asked for {:.2f} cores{}, measured {:.2f} by the process's clock, {:.2f} in the cgroup",
                    cores_, limit < cores_ ? fmt::format(" (the cgroup's limit is {:.2f})", limit) : "",
                    recent.hog_cores, recent.cgroup_cores);
    effect.readings = {
        {&kAskedCores, cores_}, {&kMeasuredCores, whole.hog_cores}, {&kCgroupCores, whole.cgroup_cores}};
    if (now->time - last_.time >= kShortestProof) last_ = *now;
    return effect;
  }

  [[nodiscard]] int broken_descriptor() const override { return hog_descriptor_.get(); }

 private:
  struct Sample {
    SteadyTime time;
    uint64_t hog_ns = 0;
    uint64_t cgroup_ns = 0;
  };
  struct Usage {
    double hog_seconds = 0;
    double cgroup_seconds = 0;
    double hog_cores = 0;
    double cgroup_cores = 0;
  };

  [[nodiscard]] Result<Sample> sample() const {
    if (!is_running(hog_)) return fail(ErrorCode::kUnavailable, "the injected process is gone");
    const auto hog = cpu_time_ns(hog_.pid);
    if (!hog) return tl::unexpected(hog.error());
    const auto cgroup = target_.cpu_usage_ns();
    if (!cgroup) return tl::unexpected(cgroup.error());
    return Sample{SteadyClock::now(), *hog, *cgroup};
  }

  static Usage between(const Sample& from, const Sample& to) {
    const double wall = std::max(1e-9, std::chrono::duration<double>(to.time - from.time).count());
    Usage usage;
    usage.hog_seconds = seconds(to.hog_ns - from.hog_ns);
    usage.cgroup_seconds = seconds(to.cgroup_ns - from.cgroup_ns);
    usage.hog_cores = usage.hog_seconds / wall;
    usage.cgroup_cores = usage.cgroup_seconds / wall;
    return usage;
  }

  std::string cores_text_ = "1.0";
  std::string min_effect_text_ = "0.5";
  double cores_ = 0;
  double min_effect_ = 0;
  CgroupTarget target_;
  ProcessIdentity hog_;
  FileDescriptor hog_descriptor_;
  Pipe go_;
  Pipe answer_;
  Sample first_;
  Sample last_;
};

}  // namespace

std::unique_ptr<Fault> make_cpu_fault() {
  return std::make_unique<CpuFault>();
}

std::span<const MetricRow> cpu_fault_metric_rows() {
  return kRows;
}

Result<void> undo_cpu_fault(const FaultState& state) {
  for (const auto& process : state.processes) {
    if (auto ended = end_process(process, kKillPatience); !ended) return ended;
  }
  return {};
}

}  // namespace sonde::inject
