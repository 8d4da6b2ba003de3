#include "inject/campaign/campaign_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "common/duration.h"
#include "common/help_text.h"
#include "common/http/web_flags.h"
#include "common/log.h"
#include "common/read_file.h"
#include "inject/campaign/campaign.h"
#include "inject/campaign/training_rows.h"
#include "inject/options.h"

namespace sonde::inject {
namespace {

constexpr int kWrongFlag = 2;
constexpr std::chrono::hours kLongestStep(1);

constexpr const char* kDescription =
    "Injects faults one after the other as a file says, each for a while, with pauses between them, and "
    "publishes when each was there: what classifiers learn from.";

constexpr const char* kFooter =
    "Examples:\n"
    "  sonde-inject campaign --example >shop.yml     # every key explained\n"
    "  sonde-inject campaign shop.yml --dry-run\n"
    "  sonde-inject campaign shop.yml --check\n"
    "  sonde-inject campaign shop.yml\n"
    "  sonde-inject campaign shop.yml --resume\n"
    "\n"
    "It reaches the containers of the machine that it runs on. Let Prometheus scrape it: what was in place "
    "when, and "
    "so the labels, stand on its page.\n"
    "Exit codes: 0 every fault was proven, 1 it could not begin, 2 a wrong flag or file, 3 a signal ended it "
    "early, "
    "4 some faults showed no effect.";

struct Flags {
  std::string file;
  bool example = false;
  bool dry_run = false;
  std::vector<std::string> steps = {"15s", "2s"};
  bool check = false;
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
    app.add_option("FILE", flags.file, "The campaign, in YAML");
    app.add_flag("--example", flags.example, "Print a campaign with every key explained, and end");
    app.add_flag("--dry-run", flags.dry_run,
                 "Only print the injections, drawn and in their order, their time, and how much there is to "
                 "learn from "
                 "them; targets are not looked for");
    app.add_option("--step", flags.steps,
                   "With --dry-run: Prometheus's scrape interval, for which training rows are counted")
        ->type_name("DURATION")
        ->default_str("15s and 2s");
    app.add_flag("--check", flags.check, "Only look whether the file is right and every target there");
    app.add_option(
           "--journal", flags.journal,
           "Where each injection that is over is noted (default: FILE.journal); that of a campaign that "
           "is over is begun anew")
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

/// Before hours are spent: that each fault takes the flags that were drawn for it.
Result<void> check_schedule(const CampaignSchedule& schedule, const std::string& file) {
  for (size_t i = 0; i < schedule.injections.size(); ++i) {
    for (const ScheduledFault& fault : schedule.injections[i].faults) {
      std::vector<std::string> words = {fault.fault, "--cgroup=/any",
                                        "--duration=" + duration_text(fault.duration)};
      words.insert(words.end(), fault.flags.begin(), fault.flags.end());
      if (const auto good = read_fault_words(words); !good) {
        return fail(
            fmt::format("{}: injection {} ({} {})", file, i + 1, fault.fault, fmt::join(fault.flags, " ")),
            good.error());
      }
    }
  }
  return {};
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
  if (flags.file.empty()) {
    return fail(ErrorCode::kInvalid, "FILE is missing: the campaign in YAML; --example prints one");
  }
  const auto text = read_file(flags.file);
  if (!text) return fail(flags.file, text.error());
  auto plan = parse_campaign(*text, flags.file);
  if (!plan) return tl::unexpected(plan.error());
  CampaignOptions options;
  options.file = flags.file;
  options.schedule = make_schedule(*plan);
  if (auto good = check_schedule(options.schedule, flags.file); !good) return tl::unexpected(good.error());
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

Result<std::vector<std::chrono::milliseconds>> read_steps(const std::vector<std::string>& texts) {
  std::vector<std::chrono::milliseconds> steps;
  for (const std::string& text : texts) {
    const auto step = parse_duration(text);
    if (!step || step->count() == 0 || *step > kLongestStep) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("--step={}: no scrape interval up to {}; write for example 15s", text,
                              duration_text(kLongestStep)));
    }
    steps.push_back(*step);
  }
  return steps;
}

/// Returns the exit code.
int print_schedule(const CampaignOptions& options, const std::vector<std::string>& step_texts) {
  const auto steps = read_steps(step_texts);
  if (!steps) {
    fmt::print(stderr, "sonde-inject campaign: {}\n", steps.error().message);
    return kWrongFlag;
  }
  fmt::print("{}: {} injections, {} in all (seed {})\n{}{}", options.file, options.schedule.injections.size(),
             duration_text(options.schedule.duration), options.plan.seed, options.schedule.text(options.plan),
             training_rows_text(options.plan, options.schedule, *steps));
  return 0;
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
  if (flags.example) {
    fmt::print("{}", campaign_example());
    return 0;
  }
  auto options = interpret(flags);
  if (!options) {
    fmt::print(stderr, "sonde-inject campaign: {}\n", options.error().message);
    return kWrongFlag;
  }
  if (flags.dry_run) return print_schedule(*options, flags.steps);
  if (geteuid() != 0) {
    fmt::print(stderr,
               "sonde-inject campaign: injecting faults needs root; start it with sudo, or use --dry-run\n");
    return 1;
  }
  return flags.check ? check_campaign(std::move(*options)) : run_campaign(std::move(*options));
}

}  // namespace sonde::inject
