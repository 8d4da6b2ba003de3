#include "inject/injection.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "common/clock.h"
#include "common/duration.h"
#include "common/log.h"
#include "identity/cgroup_name.h"
#include "identity/node_name.h"
#include "inject/audience.h"
#include "inject/container_list.h"
#include "inject/event_wait.h"
#include "inject/fault_publication.h"
#include "inject/left_behind.h"
#include "inject/watchdog.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::milliseconds kMeasureInterval(500);

/// Why a fault ended.
enum class Ending { kDuration, kSignal, kUnproven, kBroken, kUnguarded };

std::string_view ending_words(Ending ending) {
  switch (ending) {
    case Ending::kDuration:
      return "its duration is over";
    case Ending::kSignal:
      return "a signal asked for it";
    case Ending::kUnproven:
      return "its effect did not show";
    case Ending::kBroken:
      return "it is no longer in place";
    case Ending::kUnguarded:
      return "the watchdog is gone";
  }
  return "";
}

identity::ContainerName name_of(const InjectOptions& options) {
  return identity::name_of_cgroup(options.target.path(), options.rootfs, identity::node_name());
}

std::unique_ptr<Audience> audience_for(const InjectOptions& options) {
  const auto name = name_of(options);
  if (options.report_descriptor >= 0) {
    return make_piped_audience(options.report_descriptor, name, options.row->name);
  }
  return make_scraped_audience(options.web, name, options.row->name, options.linger);
}

/// One run, step by step. Threads: one; the audience may have its own.
class Injection {
 public:
  explicit Injection(InjectOptions options)
      : options_(std::move(options)), audience_(audience_for(options_)) {}

  int run() {
    if (const auto begun = begin(); !begun) {
      log::error("the fault could not be put in place", {{"error", begun.error().message}});
      (void)end();
      return 1;
    }
    const Ending ending = hold();
    // The watchdog tries again as soon as this process is gone: no lingering.
    if (!end()) return 1;
    log::info("fault undone", {{"fault", options_.row->name},
                               {"cgroup", options_.target.path()},
                               {"because", ending_words(ending)},
                               {"proven", proven_},
                               {"effect", last_summary_}});
    // Whoever ends it by hand and scrapes it not at all need not wait.
    if (proven_ && (ending != Ending::kSignal || audience_->has_listened())) audience_->linger(signals_);
    return proven_ && (ending == Ending::kDuration || ending == Ending::kSignal) ? 0 : 1;
  }

 private:
  /// Everything up to the fault's first moment. Forks come first, while there is one thread; the state is on
  /// disk before anything takes effect.
  Result<void> begin() {
    const auto lease = options_.duration + kLeaseGrace;
    state_.fault = options_.row->name;
    state_.cgroup = options_.target.path();
    state_.boot_id = boot_id();
    state_.expires_unix_ms = unix_milliseconds_now() + lease.count();
    const auto self = identify(getpid());
    if (!self) return tl::unexpected(self.error());
    state_.injector = *self;
    state_path_ = state_path(options_.state_folder, *self);
    if (auto clean = check_nothing_left_behind(options_.state_folder, state_.cgroup); !clean) return clean;
    auto watchdog = Watchdog::start(state_path_, *self, lease);
    if (!watchdog) return tl::unexpected(watchdog.error());
    watchdog_ = std::move(*watchdog);
    state_.watchdog = watchdog_.identity();
    if (auto prepared = options_.fault->prepare(options_.target, state_); !prepared) return prepared;
    if (auto written = write_state(state_path_, state_); !written) return written;
    state_written_ = true;
    if (auto started = audience_->start(); !started) return started;
    audience_->placed(unix_seconds_now());
    placed_ = true;
    if (auto started = options_.fault->start(options_.shape.level(Shape::Time(0))); !started) return started;
    start_seconds_ = unix_seconds_now();
    start_ = SteadyClock::now();
    end_ = start_ + options_.duration;
    if (auto set = set_level(start_); !set) return set;
    log::info("fault put in place", {{"fault", state_.fault}, {"cgroup", state_.cgroup}});
    return {};
  }

  /// Proves the fault and keeps it until something ends it.
  Ending hold() {
    const SteadyTime proof_deadline =
        SteadyClock::now() + options_.shape.provable_after() + options_.proof_timeout;
    SteadyTime next_measure = SteadyClock::now() + kMeasureInterval;
    for (;;) {
      const SteadyTime next = std::min({end_, next_measure, level_end_});
      wait_for({signals_.descriptor(), options_.fault->broken_descriptor(), watchdog_.descriptor()}, next);
      if (signals_.take() != 0) return Ending::kSignal;
      if (is_readable(options_.fault->broken_descriptor())) return broken("the injected process is gone");
      if (is_readable(watchdog_.descriptor())) return Ending::kUnguarded;
      if (SteadyClock::now() >= level_end_) {
        if (const auto set = set_level(SteadyClock::now()); !set) return broken(set.error().message);
      }
      if (SteadyClock::now() < std::min(end_, next_measure)) continue;
      next_measure = SteadyClock::now() + kMeasureInterval;
      auto effect = options_.fault->measure();
      if (!effect) return broken(effect.error().message);
      publish(std::move(*effect));
      if (SteadyClock::now() >= end_) return proven_ ? Ending::kDuration : Ending::kUnproven;
      if (!proven_ && SteadyClock::now() >= proof_deadline) return Ending::kUnproven;
    }
  }

  static Ending broken(const std::string& why) {
    log::warning("the fault broke", {{"because", why}});
    return Ending::kBroken;
  }

  /// Gives the fault the level that its shape has now.
  Result<void> set_level(SteadyTime now) {
    const auto since_start = std::chrono::duration_cast<Shape::Time>(now - start_);
    const double level = options_.shape.level(since_start);
    const Shape::Time change = options_.shape.next_change(since_start);
    level_end_ = change == Shape::Time::max() ? SteadyTime::max() : start_ + change;
    level_ = level;
    return options_.shape.is_constant() ? Result<void>() : options_.fault->set_level(level);
  }

  void publish(Effect effect) {
    effect.readings.push_back({&level_metric(), level_});
    last_summary_ = effect.summary;
    if (proven_ || !effect.proven) {
      audience_->measured(effect);
      return;
    }
    proven_ = true;
    audience_->proven(start_seconds_, effect);
    log::info("fault is active: its effect was measured",
              {{"fault", state_.fault}, {"cgroup", state_.cgroup}, {"effect", effect.summary}});
  }

  /// Undoes the fault and makes sure of it; then nobody needs to guard it any more. Errors: what is left;
  /// then the state file and the watchdog stay.
  Result<void> take_back() {
    if (auto undone = options_.row->undo(state_); !undone) return undone;
    for (const auto& process : state_.processes) {
      if (is_running(process) && options_.target.contains(process.pid)) {
        return fail(ErrorCode::kUnavailable, "a process of the fault is still in the cgroup");
      }
    }
    std::error_code error;
    if (state_written_ && !std::filesystem::remove(state_path_, error) && error) {
      return fail(ErrorCode::kUnavailable, "its state file cannot be removed: " + error.message());
    }
    if (watchdog_.descriptor() >= 0) watchdog_.dismiss();
    return {};
  }

  /// Takes the fault back and tells the audience, unless it never heard of it: an earlier fault of the same
  /// name may be in place. False where something of it is left.
  bool end() {
    const auto undone = take_back();
    if (undone) {
      if (placed_) audience_->ended(unix_seconds_now());
    } else {
      if (placed_) audience_->left_in_place();
      log::error("the fault is not wholly undone; run sonde-inject undo",
                 {{"error", undone.error().message}, {"state", state_path_.string()}});
    }
    return undone.has_value();
  }

  InjectOptions options_;
  SignalQueue signals_;
  std::filesystem::path state_path_;
  FaultState state_;
  bool state_written_ = false;  ///< a file of that path is ours
  bool placed_ = false;         ///< as the audience knows
  Watchdog watchdog_;
  std::unique_ptr<Audience> audience_;
  double start_seconds_ = 0;
  SteadyTime start_;
  SteadyTime end_;
  double level_ = 1;
  SteadyTime level_end_;  ///< when the shape has another level
  bool proven_ = false;
  std::string last_summary_ = "not measured";
};

}  // namespace

int check_injection(const InjectOptions& options) {
  if (const auto clean = check_nothing_left_behind(options.state_folder, options.target.path()); !clean) {
    fmt::print(stderr, "sonde-inject: {}\n", clean.error().message);
    return 1;
  }
  fmt::print("{} would be put into {} ({}) for {}; nothing was done\n", options.words, options.target.path(),
             display_name(name_of(options)), duration_text(options.duration));
  return 0;
}

int run_injection(InjectOptions options) {
  return Injection(std::move(options)).run();
}

}  // namespace sonde::inject
