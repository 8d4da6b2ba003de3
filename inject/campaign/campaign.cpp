#include "inject/campaign/campaign.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "common/metrics/build_info_metric.h"
#include "inject/campaign/campaign_journal.h"
#include "inject/campaign/campaign_metrics.h"
#include "inject/campaign/campaign_progress.h"
#include "inject/campaign/injection_run.h"
#include "inject/event_wait.h"
#include "inject/left_behind.h"
#include "inject/target_flags.h"

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProgressInterval(500);
constexpr unsigned kScrapesOfEnd = 2;
constexpr int kInterrupted = 3;
constexpr int kUnproven = 4;

/// One campaign, step by step. Threads: one; the server's and the workload's see what is safe for them.
class Campaign {
 public:
  explicit Campaign(CampaignOptions options)
      : options_(std::move(options)),
        schedule_text_(options_.schedule.text(options_.plan)),
        progress_(options_.schedule.injections.size(), options_.schedule.duration),
        metrics_(options_.schedule.injections.size()),
        server_(options_.web,
                {"sonde-inject campaign", "Injects faults one after the other and publishes when."}) {
    if (options_.plan.workload) workload_ = std::make_unique<Workload>(*options_.plan.workload);
    server_.serve_metrics([this](const http::Scrape& scrape, metrics::SeriesWriter& writer) {
      publication_.write(writer, scrape.request.method == "GET");
      metrics_.write(writer);
      if (workload_) workload_->write_metrics(writer);
      metrics::write_program_metrics("sonde-inject", writer);
    });
  }

  /// Only whether every injector would find its target as it was.
  int check() {
    auto good = check_targets();
    if (good) good = check_nothing_left_behind(options_.state_folder);
    if (good) {
      fmt::print("{}: every target is there\n", options_.file);
      return 0;
    }
    fmt::print(stderr, "sonde-inject campaign: {}\n", good.error().message);
    return 1;
  }

  int run() {
    if (const auto begun = begin(); !begun) {
      log::error("the campaign could not begin", {{"error", begun.error().message}});
      return 1;
    }
    bool interrupted = wait(options_.plan.warm_up, "warm-up");
    for (size_t i = 0; i < options_.schedule.injections.size() && !interrupted; ++i) {
      if (is_over(i + 1)) continue;
      interrupted = inject(i) || wait(options_.plan.pause_time, "pause");
    }
    return interrupted ? leave_early() : finish();
  }

 private:
  Result<void> begin() {
    auto before = CampaignJournal::read(options_.journal, schedule_text_);
    const bool half_done =
        !before || (!before->empty() && before->size() < options_.schedule.injections.size());
    if (options_.resume) {
      if (!before) return tl::unexpected(before.error());
      outcomes_ = std::move(*before);
    } else if (half_done) {
      return before
                 ? fail(ErrorCode::kInvalid,
                        fmt::format(
                            "--journal={}: {} of {} injections are over; --resume goes on, or remove it",
                            options_.journal.string(), before->size(), options_.schedule.injections.size()))
                 : tl::unexpected(before.error());
    }
    if (auto clean = check_nothing_left_behind(options_.state_folder); !clean) return clean;
    if (auto there = check_targets(); !there) return there;
    if (outcomes_.empty()) {
      if (auto made = CampaignJournal::begin(options_.journal, schedule_text_); !made) return made;
    }
    for (const InjectionOutcome& outcome : outcomes_) metrics_.count(outcome.proven);
    if (auto started = server_.start(); !started) return started;
    if (workload_) {
      if (auto started = workload_->start(); !started)
        return fail("workload.network_namespace", started.error());
    }
    log::info("campaign begins", {{"file", options_.file},
                                  {"injections", options_.schedule.injections.size()},
                                  {"over_before", outcomes_.size()},
                                  {"lasts", duration_text(left())},
                                  {"seed", options_.plan.seed},
                                  {"port", server_.port()}});
    return {};
  }

  /// That every injector will find its target, before hours are spent; from then on names stand for the
  /// cgroups that they have now, or a container that is gone would give its number to another. Errors: how
  /// many are not there, once each of them was complained of.
  Result<void> check_targets() {
    std::set<size_t> wanted;
    for (const auto& injection : options_.schedule.injections) {
      for (const auto& fault : injection.faults) wanted.insert(fault.target);
    }
    size_t missing = 0;
    for (const size_t number : wanted) {
      const auto cgroup = cgroup_of(options_.plan.targets[number]);
      if (cgroup) {
        log::info("target found", {{"target", options_.plan.targets[number].text}, {"cgroup", *cgroup}});
        cgroups_.emplace(number, *cgroup);
      } else {
        fmt::print(stderr, "sonde-inject campaign: {}: targets[{}]: {}\n", options_.file, number,
                   cgroup.error().message);
        ++missing;
      }
    }
    if (missing == 0) return {};
    return fail(ErrorCode::kNotFound, fmt::format("{}: {} of {} targets cannot be used, see above",
                                                  options_.file, missing, wanted.size()));
  }

  [[nodiscard]] Result<std::string> cgroup_of(const CampaignTarget& target) const {
    auto flags = read_target_flags(target.flags);
    if (!flags) return tl::unexpected(flags.error());
    flags->rootfs = options_.rootfs;
    const auto cgroup = flags->resolve();
    if (!cgroup) return tl::unexpected(cgroup.error());
    return cgroup->path();
  }

  std::vector<std::string> injector_words(const ScheduledFault& fault) const {
    std::vector<std::string> words = {fault.fault};
    if (const auto known = cgroups_.find(fault.target); known != cgroups_.end()) {
      words.push_back("--cgroup=" + known->second);
    } else {
      const auto& target = options_.plan.targets[fault.target].flags;
      words.insert(words.end(), target.begin(), target.end());
    }
    words.insert(words.end(), fault.flags.begin(), fault.flags.end());
    words.push_back("--duration=" + duration_text(fault.duration));
    words.push_back("--state-dir=" + options_.state_folder.string());
    words.push_back("--path.rootfs=" + options_.rootfs);
    // The campaign has a line for each injection itself.
    words.push_back("--log.level=" + std::string(options_.log_level == "debug" ? "debug" : "warn"));
    words.push_back("--log.format=" + options_.log_format);
    return words;
  }

  [[nodiscard]] bool is_over(size_t number) const {
    return std::ranges::find(outcomes_, number, &InjectionOutcome::number) != outcomes_.end();
  }

  /// One injection from its begin to its last undo; true where a signal ended it.
  bool inject(size_t index) {
    const ScheduledInjection& injection = options_.schedule.injections[index];
    InjectionOutcome outcome{index + 1, false, unix_seconds_now(), 0, describe(injection, options_.plan)};
    progress_.clear();
    log::info("injection begins", {{"number", outcome.number}, {"what", outcome.what}});
    bool interrupted = false;
    if (injection.faults.empty()) {
      workload_->set_heavy(injection.heavy_factor);
      interrupted = wait(injection.duration, outcome.what);
      outcome.proven = !interrupted && workload_->was_heavy();
      workload_->set_heavy(1);
    } else {
      InjectionRun run(
          injection, [this](const ScheduledFault& fault) { return injector_words(fault); },
          options_.state_folder, publication_);
      while (!run.is_over()) {
        run.wait(signals_, SteadyClock::now() + kProgressInterval);
        if (signals_.take() != 0) {
          interrupted = true;
          run.end_early();
        }
        progress_.show(outcomes_.size(), left(), outcome.what);
      }
      outcome.proven = run.all_proven() && !interrupted;
    }
    outcome.ended_seconds = unix_seconds_now();
    if (interrupted) return true;
    conclude(outcome);
    return false;
  }

  void conclude(const InjectionOutcome& outcome) {
    outcomes_.push_back(outcome);
    metrics_.count(outcome.proven);
    progress_.clear();
    log::info("injection is over",
              {{"number", outcome.number}, {"proven", outcome.proven}, {"what", outcome.what}});
    if (const auto noted = CampaignJournal::append(options_.journal, outcome); !noted) {
      log::error("the campaign goes on without its journal", {{"error", noted.error().message}});
    }
  }

  /// Until the campaign's end, by what is not over yet.
  [[nodiscard]] milliseconds left() const {
    milliseconds sum(0);
    for (size_t i = 0; i < options_.schedule.injections.size(); ++i) {
      if (!is_over(i + 1)) sum += options_.schedule.injections[i].duration + options_.plan.pause_time;
    }
    return sum;
  }

  /// True where a signal ended it.
  bool wait(milliseconds duration, std::string_view what) {
    const SteadyTime end = SteadyClock::now() + duration;
    while (SteadyClock::now() < end) {
      progress_.show(outcomes_.size(), left(), what);
      wait_for({signals_.descriptor()}, std::min(end, SteadyClock::now() + kProgressInterval));
      if (signals_.take() != 0) return true;
    }
    return false;
  }

  int leave_early() {
    progress_.clear();
    log::warning("a signal ended the campaign; every fault is taken back, --resume goes on",
                 {{"over", outcomes_.size()}, {"injections", options_.schedule.injections.size()}});
    linger();
    return kInterrupted;
  }

  int finish() {
    progress_.clear();
    const auto proven = std::ranges::count(outcomes_, true, &InjectionOutcome::proven);
    log::info("campaign is over", {{"injections", outcomes_.size()}, {"proven", proven}});
    linger();
    return proven == std::ssize(outcomes_) ? 0 : kUnproven;
  }

  /// Stays up until two scrapes have seen the last end, if anyone scrapes.
  void linger() {
    const SteadyTime deadline = SteadyClock::now() + options_.linger;
    while (publication_.was_scraped() && publication_.scrapes_of_end() < kScrapesOfEnd &&
           SteadyClock::now() < deadline) {
      wait_for({signals_.descriptor(), publication_.scraped_descriptor()}, deadline);
      if (signals_.take() != 0) break;
      uint64_t count = 0;  // emptied, so that the next wait sleeps
      if (read(publication_.scraped_descriptor(), &count, sizeof count) < 0) continue;
    }
    server_.stop();
  }

  CampaignOptions options_;
  SignalQueue signals_;
  std::string schedule_text_;
  std::vector<InjectionOutcome> outcomes_;
  std::map<size_t, std::string> cgroups_;  ///< of the plan's targets, once they are found
  CampaignProgress progress_;
  FaultPublication publication_;
  CampaignMetrics metrics_;
  std::unique_ptr<Workload> workload_;
  http::Server server_;
};

}  // namespace

int check_campaign(CampaignOptions options) {
  return Campaign(std::move(options)).check();
}

int run_campaign(CampaignOptions options) {
  return Campaign(std::move(options)).run();
}

}  // namespace sonde::inject
