#include "exporter/options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <set>
#include <utility>

#include "common/build_info.h"
#include "common/http/listen_address.h"
#include "exporter/collector_table.h"
#include "exporter/container_index.h"
#include "exporter/metrics_table.h"

namespace sonde::exporter {
namespace {

constexpr const char* kDescription =
    "Publishes what the kernel knows of each container, for Prometheus: cgroup and network counters, and "
    "counts "
    "taken by BPF programs.\n"
    "Without root, or on a kernel without BTF, it runs with what works and says what does not.\n"
    "Scrape it with honor_labels: true.";

/// Below, the host's own cgroups alone fill a map; above, a map's kernel memory is hundreds of megabytes per
/// CPU.
constexpr uint32_t kLeastCgroups = 64;
constexpr uint32_t kMostCgroups = 1U << 20U;

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

/// Breaks a description into lines below each other in --help's second column.
std::string wrapped(std::string_view text) {
  constexpr size_t kColumn = 30;  // where CLI11 puts descriptions
  constexpr size_t kWidth = 110 - kColumn;
  std::string lines;
  while (text.size() > kWidth) {
    const size_t blank = text.rfind(' ', kWidth);
    if (blank == std::string_view::npos) break;
    lines.append(text.substr(0, blank)) += '\n';  // CLI11 indents what follows
    text.remove_prefix(blank + 1);
  }
  return lines.append(text);
}

/// Puts all options that `add` adds under a heading of --help.
template <class Add>
void in_group(CLI::App& app, const std::string& heading, Add&& add) {
  const size_t before = app.get_options().size();
  add();
  const auto options = app.get_options();
  for (size_t i = before; i < options.size(); ++i) {
    options[i]->group(options[i]->get_name().starts_with("--no-") ? "" : heading);
  }
}

void add_collector_flags(CLI::App& app, Flags& flags, Options& options) {
  for (const CollectorEntry& entry : collector_table()) {
    const std::string name(entry.name);
    app.add_flag_function(
        "--collector." + name, [&flags, name](int64_t) { flags.on.insert(name); },
        wrapped(fmt::format("{} [{} by default]", entry.help, entry.on_by_default ? "on" : "off")));
    app.add_flag_function("--no-collector." + name, [&flags, name](int64_t) { flags.off.insert(name); });
  }
  app.add_flag("--collector.disable-defaults", flags.disable_defaults,
               wrapped("Start with all collectors off; switch on single ones by --collector.NAME"));
  app.add_option(
         "--collector.syscalls.mode", flags.syscalls_mode,
         wrapped("exact: attached all the time, and every system call of the node pays for it; sampled: "
                 "attached in windows at random and scaled; off: never attached"))
      ->check(CLI::IsMember({"exact", "sampled", "off"}))
      ->capture_default_str();
  app.add_option("--collector.syscalls.sampling-ratio", options.syscalls.sampling_ratio,
                 wrapped("Share of the time in which mode sampled counts, above 0 and at most 1"))
      ->check([](const std::string& text) {
        double ratio = 0;
        const bool good = CLI::detail::lexical_cast(text, ratio) && ratio > 0 && ratio <= 1;
        return good ? std::string() : "give a number above 0 and at most 1, such as 0.05";
      })
      ->capture_default_str();
}

void add_host_flags(CLI::App& app, Flags& flags, Options& options) {
  app.add_option("--path.procfs", options.roots.procfs, "Where the host's /proc is mounted")
      ->capture_default_str();
  app.add_option("--path.cgroupfs", options.roots.cgroupfs, "Where the host's /sys/fs/cgroup is mounted")
      ->capture_default_str();
  app.add_option(
      "--container.cgroup-include", flags.cgroup_include,
      wrapped("Which cgroups are containers: a POSIX extended regular expression for the whole path "
              "below the hierarchy's root, such as /shop/[^/]+. What lies below a container is part of "
              "it. Default: every cgroup that has none below it"));
  app.add_flag(
      "--container.without-host-row", flags.without_host_row,
      wrapped("Leave out what belongs to no container, the row of the BPF counters whose labels are empty"));
  app.add_option(
         "--node.lock", options.node_lock,
         wrapped("Name of the abstract unix socket by which a second exporter on the node notices the "
                 "first; it is seen within one network namespace only. none: no lock"))
      ->capture_default_str();
  app.add_option("--bpf.disable-hook", options.disabled_hooks,
                 wrapped("Do without a kernel tracepoint, as if the kernel had none (sched_info: without its "
                         "account of waits); repeat it for several"))
      ->allow_extra_args(false);
  app.add_option("--bpf.max-cgroups", options.max_cgroups,
                 wrapped("Cgroups that each topic of the BPF counters has room for, those of no container "
                         "included; what further ones do is counted as lost"))
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
  for (const std::string& text : options.web.listen_addresses) {
    // Here, not at the server's start: until then there is much work, and a lock to take.
    if (const auto address = http::parse_listen_address(text); !address)
      return tl::unexpected(address.error());
  }
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
  app.set_help_flag("-h,--help", "Print this help");
  app.add_flag("--version", flags.version, "Print the version");
  app.add_flag("--metrics.table", flags.metrics_table,
               "Print docs/metrics.md's table of this program and end");
  in_group(app, "Web", [&] { http::add_web_flags(app, options.web, ":9756"); });
  in_group(app, "Host", [&] { add_host_flags(app, flags, options); });
  in_group(app, "Collectors (--no-collector.NAME switches one off)",
           [&] { add_collector_flags(app, flags, options); });
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
