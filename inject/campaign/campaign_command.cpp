#include "inject/campaign/campaign_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "common/duration.h"
#include "common/help_text.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "inject/campaign/campaign.h"

namespace sonde::inject {
namespace {

constexpr int kWrongFlag = 2;

constexpr const char* kDescription =
    "Injects faults one after the other as a file says, each for a while, with pauses between them, and "
    "publishes when each was there: what classifiers learn from.";

constexpr const char* kFooter =
    "A campaign's file:\n"
    "  seed: 1\n"
    "  warm_up: 1m               # of normal load before the first injection\n"
    "  injection_duration: 1m\n"
    "  pause_time: 20s           # after each injection\n"
    "  repeat: 3                 # injections of each fault in each target\n"
    "  order: random             # or listed: target by target, fault by fault\n"
    "  targets: [{service: api}, {container: redis}, {cgroup: /shop/postgres}]\n"
    "  faults:                   # flags of `sonde-inject FAULT`; [low, high] is drawn anew each time,\n"
    "                            # of two whole numbers a whole one\n"
    "    - {fault: cpu, cores: [0.5, 1.5]}\n"
    "    - together: [{fault: cpu, cores: 1}, {fault: loss, loss: 5%}]   # in one target at once\n"
    "    - walk: {fault: cpu, cores: 1}      # from target to target\n"
    "    - heavy_workload: [1.5, 3]          # times the rate, no fault\n"
    "  workload: {url: 'http://10.0.0.2:8080/item?id={1-500}', rate: 80}   # or steps, day, swing: see\n"
    "                            # `sonde-inject workload --help`\n"
    "\n"
    "Examples:\n"
    "  sonde-inject campaign shop.yml --dry-run\n"
    "  sonde-inject campaign shop.yml --resume\n"
    "\n"
    "Exit codes: 0 every fault was proven, 1 it could not begin, 2 a wrong flag or file, 3 a signal ended it "
    "early, "
    "4 some faults showed no effect.";

struct Flags {
  std::string file;
  bool dry_run = false;
  std::string journal;
  bool resume = false;
  std::string linger = "1m";
  std::string state_folder = "/run/sonde";
  std::string rootfs = "/";
  http::WebOptions web;
  http::LogOptions log;
};

void add_flags(CLI::App& app, Flags& flags) {
  in_group(app, "Campaign", [&] {
    app.add_option("FILE", flags.file, "The campaign, in YAML")->required();
    app.add_flag("--dry-run", flags.dry_run,
                 "Only print the injections, drawn and in their order, and their time");
    app.add_option("--journal", flags.journal,
                   "Where each injection that is over is noted (default: FILE.journal)")
        ->type_name("FILE");
    app.add_flag("--resume", flags.resume, "Go on after the last injection that the journal has");
    app.add_option("--linger", flags.linger,
                   "How long at most to stay up after the last end, until two scrapes have seen it")
        ->type_name("DURATION")
        ->capture_default_str();
    app.add_option("--state-dir", flags.state_folder, "Where running faults are noted, for undo")
        ->type_name("FOLDER")
        ->capture_default_str();
    app.add_option("--path.rootfs", flags.rootfs,
                   "Where the host's root is mounted, below which container runtimes keep their files")
        ->type_name("FOLDER")
        ->capture_default_str();
  });
  in_group(app, "Web", [&] { http::add_web_flags(app, flags.web, ":9758"); });
  in_group(app, "Log", [&] { http::add_log_flags(app, flags.log); });
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}; name a file", path, std::strerror(errno)));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return fail(ErrorCode::kInvalid, fmt::format("{}: cannot be read; name a file", path));
  return text;
}

Result<CampaignOptions> interpret(const Flags& flags) {
  if (auto configured = log::configure(flags.log.level, flags.log.format); !configured) {
    return tl::unexpected(configured.error());
  }
  const auto linger = parse_duration(flags.linger);
  if (!linger || *linger > std::chrono::hours(24)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--linger={}: no duration up to 24h; write for example 1m", flags.linger));
  }
  const auto text = read_file(flags.file);
  if (!text) return tl::unexpected(text.error());
  auto plan = parse_campaign(*text, flags.file);
  if (!plan) return tl::unexpected(plan.error());
  CampaignOptions options;
  options.file = flags.file;
  options.schedule = make_schedule(*plan);
  options.plan = std::move(*plan);
  options.journal = flags.journal.empty() ? flags.file + ".journal" : flags.journal;
  options.resume = flags.resume;
  options.linger = *linger;
  options.state_folder = flags.state_folder;
  options.rootfs = flags.rootfs;
  options.log_level = flags.log.level;
  options.log_format = flags.log.format;
  options.web = flags.web;
  return options;
}

void print_schedule(const CampaignOptions& options) {
  fmt::print("{}: {} injections, {} in all (seed {})\n{}", options.file, options.schedule.injections.size(),
             duration_text(options.schedule.duration), options.plan.seed,
             options.schedule.text(options.plan));
}

}  // namespace

int run_campaign_command(int argc, const char* const* argv) {
  CLI::App app(kDescription, "sonde-inject campaign");
  Flags flags;
  set_help(app, kFooter);
  add_flags(app, flags);
  if (const auto parsed = parse_words(app, std::vector<std::string>(argv + 1, argv + argc)); !parsed) {
    const bool help = parsed.error().code == ErrorCode::kNotFound;
    fmt::print(help ? stdout : stderr, "{}{}\n",
               help ? "" : "sonde-inject campaign: ", parsed.error().message);
    return help ? 0 : kWrongFlag;
  }
  auto options = interpret(flags);
  if (!options) {
    fmt::print(stderr, "sonde-inject campaign: {}\n", options.error().message);
    return kWrongFlag;
  }
  if (flags.dry_run) {
    print_schedule(*options);
    return 0;
  }
  if (geteuid() != 0) {
    fmt::print(stderr,
               "sonde-inject campaign: injecting faults needs root; start it with sudo, or use --dry-run\n");
    return 1;
  }
  return run_campaign(std::move(*options));
}

}  // namespace sonde::inject
