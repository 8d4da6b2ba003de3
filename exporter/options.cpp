#include "exporter/options.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "common/build_info.h"
#include "common/duration.h"
#include "common/help_text.h"
#include "exporter/collector_table.h"
#include "exporter/container_index.h"
#include "exporter/flow_flags.h"
#include "exporter/mapping_flags.h"
#include "exporter/metrics_table.h"
#include "exporter/trace_flags.h"

namespace sonde::exporter {
namespace {

constexpr const char* kDescription =
    "Publishes what the kernel knows of each container, for Prometheus: cgroup and network counters, and "
    "counts taken by BPF programs. One runs on every node, as root. Without root, or on a kernel without "
    "BTF, it "
    "runs with what works; sonde_exporter_capability says what does not and why.";

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-exporter\n"
    "  sonde-exporter --web.listen-address=10.0.0.5:9756 --no-collector.scheduler\n"
    "  sonde-exporter --container.cgroup-include='/shop/[^/]+'\n"
    "  curl -s http://127.0.0.1:9756/metrics | grep sonde_container_cpu\n"
    "\n"
    "Scrape it with honor_labels: true; docs/metrics.md lists every metric.\n"
    "Exit codes: 0 ended by a signal, 1 it could not start, 2 a wrong flag.";

/// Below, the host's own cgroups alone fill a map; above, a map's kernel memory is hundreds of megabytes per
/// CPU.
constexpr uint32_t kLeastCgroups = 64;
constexpr uint32_t kMostCgroups = 1U << 20U;

constexpr std::chrono::milliseconds kShortestPeriod{100};
constexpr std::chrono::milliseconds kLongestPeriod{60'000};
constexpr std::chrono::milliseconds kLongestLinger{3'600'000};

/// The flags that are not of one collector, as CLI11 fills them.
struct Flags {
  std::string syscalls_mode = "sampled";
  std::string cgroup_include;
  bool disable_defaults = false;
  bool without_host_row = false;
  bool version = false;
  bool metrics_table = false;
  std::set<std::string, std::less<>> on;   ///< of --collector.NAME
  std::set<std::string, std::less<>> off;  ///< of --no-collector.NAME
};

void add_collector_flags(CLI::App& app, Flags& flags, Options& options) {
  for (const CollectorEntry& entry : collector_table()) {
    const std::string name(entry.name);
    app.add_flag_function(
        "--collector." + name, [&flags, name](int64_t) { flags.on.insert(name); },
        fmt::format("{} ({} by default)", entry.help, entry.on_by_default ? "on" : "off"));
    app.add_flag_function("--no-collector." + name, [&flags, name](int64_t) { flags.off.insert(name); });
  }
  app.add_flag("--collector.disable-defaults", flags.disable_defaults,
               "Start with all collectors off; switch on single ones by --collector.NAME");
  app.add_option(
         "--collector.syscalls.mode", flags.syscalls_mode,
         "sampled: attached in windows at random, and the counts scaled; exact: attached all the time, "
         "and every system call of the node pays about 0.1 µs for it; off: never attached")
      ->type_name("sampled|exact|off")
      ->check(CLI::IsMember({"exact", "sampled", "off"}))
      ->capture_default_str();
  app.add_option("--collector.syscalls.sampling-ratio", options.syscalls.sampling_ratio,
                 "Share of the time in which mode sampled counts, above 0 and at most 1: 0.05 is 5%")
      ->type_name("RATIO")
      ->check([](const std::string& text) {
        double ratio = 0;
        const bool good = CLI::detail::lexical_cast(text, ratio) && ratio > 0 && ratio <= 1;
        return good ? std::string() : "give a number above 0 and at most 1, such as 0.05";
      })
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--collector.syscalls.sampling-period",
         [&options](const std::string& text) { options.syscalls.sampling_period = *parse_duration(text); },
         "From one window of mode sampled to the next on average, 100ms to 1m. The counts grow at windows' "
         "ends, so a third of the scrape interval is right; each window costs CPU time to open and to close")
      ->type_name("DURATION")
      ->check([](const std::string& text) {
        const auto period = parse_duration(text);
        const bool good = period && *period >= kShortestPeriod && *period <= kLongestPeriod;
        return good ? std::string() : "give a duration from 100ms to 1m, such as 5s";
      })
      ->default_str(duration_text(kDefaultSamplingPeriod));
}

void add_container_flags(CLI::App& app, Flags& flags, Options& options) {
  const auto add_socket = [&app](const char* flag, std::string& path, const char* help) {
    app.add_option(flag, path, help)->type_name("SOCKET|none");
  };
  add_socket("--container.cri", options.sockets.cri,
             "Unix socket of the Kubernetes container runtime that names containers; none: ask none. Without "
             "it: that of containerd, CRI-O or k3s, as soon as one is in its usual place");
  add_socket("--container.docker", options.sockets.docker,
             "The same for the Docker Engine API. Without it: /run/docker.sock as soon as it is there");
  add_socket("--container.podman", options.sockets.podman,
             "The same for Podman's service. Without it: /run/podman/podman.sock as soon as it is there");
  app.add_flag_function(
      "--no-container.state-files", [&options](int64_t) { options.state_files = false; },
      "Do not name containers by the files that containerd, CRI-O, Docker and Podman keep of them");
  app.add_flag_function(
      "--no-container.systemd-units", [&options](int64_t) { options.systemd_units = false; },
      "Leave systemd's units to the row of what belongs to no container. They are rows whose service is the "
      "unit, without pod and container");
  app.add_option(
         "--max-containers", options.bounds.most_containers,
         "Containers that have rows of their own; further ones are summed up in the row whose service "
         "is ~other, and sonde_exporter_containers_unlisted counts them")
      ->type_name("COUNT")
      ->check(CLI::Range(size_t{1}, size_t{100'000}))
      ->capture_default_str();
  app.add_option("--max-label-length", options.bounds.longest_label,
                 "A container with a longer namespace, pod, container or service is part of ~other too")
      ->type_name("BYTES")
      ->check(CLI::Range(size_t{8}, size_t{65'536}))
      ->capture_default_str();
  app.add_option_function<std::string>(
         "--container.linger",
         [&options](const std::string& text) { options.linger = *parse_duration(text); },
         "How long the counters of a container that ended are still exported; at least two scrape intervals, "
         "or its last counts are never seen")
      ->type_name("DURATION")
      ->check([](const std::string& text) {
        const auto linger = parse_duration(text);
        const bool good = linger && *linger <= kLongestLinger;
        return good ? std::string() : "give a duration of at most 1h, such as 60s";
      })
      ->default_str(duration_text(ContainerIndexOptions().linger));
  app.add_option("--container.cgroup-include", flags.cgroup_include,
                 "Which cgroups are containers: a POSIX extended regular expression for the whole path below "
                 "the hierarchy's root, such as /shop/[^/]+. What lies below a container is part of it. "
                 "Without it: every cgroup that has none below it, from its first process on until it is "
                 "removed. Those that a container runtime made are containers in any case")
      ->type_name("REGEX");
  app.add_flag(
      "--compat.cadvisor", options.cadvisor_names,
      "Write the same quantities a second time under the names and labels that cAdvisor has for them, for "
      "rules and dashboards that were made for kubelet's; docs/metrics.md lists them");
  app.add_flag("--container.without-host-row", flags.without_host_row,
               "Leave out the row of what belongs to no container, whose four labels are empty");
}

void add_host_flags(CLI::App& app, Options& options) {
  app.add_option("--path.procfs", options.roots.procfs, "Where the host's /proc is mounted")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option("--path.cgroupfs", options.roots.cgroupfs, "Where the host's /sys/fs/cgroup is mounted")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option(
         "--path.rootfs", options.sockets.rootfs,
         "Where the host's root is mounted, below which container runtimes keep their files and sockets")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option(
         "--node.lock", options.node_lock,
         "Name of the abstract unix socket by which a second exporter on the node notices the first and "
         "ends; it is seen within one network namespace only. none: no lock")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag_function(
      "--no-privileges.drop", [&options](int64_t) { options.drop_privileges = false; },
      "Keep all capabilities that it is started with. Without it those that nothing here needs are given up "
      "at "
      "the start, for good; the log names the others");
  app.add_option("--bpf.disable-hook", options.disabled_hooks,
                 "Do without a kernel tracepoint, as if the kernel had none; bpf/README.md lists them "
                 "(sched_info: without "
                 "its account of waits). Repeat it for several")
      ->type_name("TRACEPOINT")
      ->allow_extra_args(false);
  app.add_option(
         "--bpf.max-cgroups", options.max_cgroups,
         fmt::format("Cgroups that each topic of the BPF counters has room for, {} to {}, those of no "
                     "container included; what further ones do is counted as lost",
                     kLeastCgroups, kMostCgroups))
      ->type_name("COUNT")
      ->check(CLI::Range(kLeastCgroups, kMostCgroups))
      ->capture_default_str();
}

/// One line that names what is wrong and the remedy.
std::string explain(const CLI::ParseError& error, const CLI::App& app) {
  std::string collectors;
  for (const CollectorEntry& entry : collector_table()) {
    collectors += (collectors.empty() ? "" : ", ") + std::string(entry.name);
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const std::string& word : app.remaining()) {
      if (word.starts_with("--collector.") || word.starts_with("--no-collector.")) {
        return fmt::format("sonde-exporter: {}: no such collector; there are: {}\n", word, collectors);
      }
    }
  }
  return fmt::format("sonde-exporter: {}; see sonde-exporter --help\n", error.what());
}

/// Takes over what needs more than CLI11. Errors: kInvalid, one line.
Result<void> finish(const Flags& flags, Options& options) {
  for (const CollectorEntry& entry : collector_table()) {
    const bool on = flags.on.contains(entry.name);
    const bool off = flags.off.contains(entry.name);
    if (on && off) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--collector.{0} and --no-collector.{0}: give one of the two", entry.name));
    }
    const bool by_default = entry.on_by_default && !flags.disable_defaults;
    if (on || (by_default && !off)) options.collectors.emplace(entry.name);
  }
  if (auto fit = check_flow_options(options.flows); !fit) return fit;
  options.host_row = !flags.without_host_row;
  const auto mode = parse_syscalls_mode(flags.syscalls_mode);
  if (!mode) return tl::unexpected(mode.error());
  options.syscalls.mode = *mode;
  if (!flags.cgroup_include.empty()) {
    const auto rule = ContainerRule::matching(flags.cgroup_include);
    if (!rule) return tl::unexpected(rule.error());
    options.cgroup_include = flags.cgroup_include;
  }
  return {};
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine result;
  Options& options = result.options;
  Flags flags;
  CLI::App app(kDescription, "sonde-exporter");
  set_help(app, kFooter);
  app.add_flag("--version", flags.version, "Print the version and end");
  app.add_flag("--metrics.table", flags.metrics_table,
               "Print every metric with its unit, labels and meaning, as in docs/metrics.md, and end");
  in_group(app, "Web", [&] { http::add_web_flags(app, options.web, ":9756"); });
  in_group(app, "Containers", [&] { add_container_flags(app, flags, options); });
  in_group(app, "Collectors (--no-collector.NAME switches one off)",
           [&] { add_collector_flags(app, flags, options); });
  in_group(app, "Flows (with --collector.flow_rtt)", [&] { add_flow_flags(app, options.flows); });
  in_group(app, "Mapping to the underlay", [&] { add_mapping_flags(app, options.mapping); });
  in_group(app, "Traces of connections (POST /trace)", [&] { add_trace_flags(app, options.traces); });
  in_group(app, "Host", [&] { add_host_flags(app, options); });
  in_group(app, "Log", [&] { http::add_log_flags(app, options.log); });

  const auto end = [&](int code, std::string output) {
    result.exit_code = code;
    result.output = std::move(output);
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    end(0, app.help());
    return result;
  } catch (const CLI::ParseError& error) {
    end(2, explain(error, app));
    return result;
  }
  if (flags.version) {
    end(0, version_text("sonde-exporter"));
  } else if (flags.metrics_table) {
    end(0, metrics_table());
  } else if (const auto finished = finish(flags, options); !finished) {
    end(2, "sonde-exporter: " + finished.error().message + '\n');
  }
  return result;
}

}  // namespace sonde::exporter
