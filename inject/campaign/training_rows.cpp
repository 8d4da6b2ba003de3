#include "inject/campaign/training_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "common/duration.h"
#include "inject/options.h"

namespace sonde::inject {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kEdgesOfFault = 4;       // rows: three at the begin and the end together, one until proven
constexpr int64_t kEdgesOfPause = 3;       // rows
constexpr milliseconds kSettling(10'000);  // sonde-analyzer dataset --settle, by default
constexpr double kLeastLevel = 0.5;        // below it a shape's rows are left out
constexpr const char* kNormal = "normal";

size_t at_least_none(int64_t rows) {
  return static_cast<size_t>(std::max<int64_t>(rows, 0));
}

/// Rows that are left out for `time` of settling.
int64_t settling_rows(milliseconds time, milliseconds step) {
  return time.count() <= 0 ? 0 : (time + step - milliseconds(1)) / step;
}

/// Of a fault that begins as another ends, the rows in which that one settles are not left either.
size_t rows_of_next_stop(milliseconds duration, milliseconds step) {
  const auto rows = static_cast<int64_t>(rows_of_fault(duration, step));
  return at_least_none(rows - settling_rows(kSettling, step));
}

/// How long each time a fault of this shape has half of its level or more.
std::vector<milliseconds> strong_stretches(const Shape& shape, milliseconds duration) {
  std::vector<milliseconds> stretches;
  bool strong = false;
  for (milliseconds at(0); at < duration;) {
    const milliseconds next = std::min(shape.next_change(at), duration);
    if (shape.level(at) >= kLeastLevel) {
      if (!strong) stretches.emplace_back(0);
      stretches.back() += next - at;
    }
    strong = shape.level(at) >= kLeastLevel;
    at = next;
  }
  return stretches;
}

/// What is found out about a schedule while its injections are gone through.
class Count {
 public:
  Count(const CampaignPlan& plan, const std::vector<milliseconds>& steps) : plan_(plan), steps_(steps) {}

  void add(size_t number, const ScheduledInjection& injection) {
    add_rows(kNormal, [&](milliseconds step) { return rows_of_pause(plan_.pause_time, step); });
    if (injection.faults.empty()) {
      add_rows("heavy workload", [&](milliseconds step) { return rows_of_fault(injection.duration, step); });
      return;
    }
    const bool together = injection.faults.size() > 1 && injection.faults[1].begin.count() == 0;
    together_ += together ? 1 : 0;
    for (const ScheduledFault& fault : injection.faults) add_fault(number, fault, together);
    if (!together && injection.faults.size() > 1) walk_ = injection.faults;
  }

  void add_warm_up() {
    add_rows(kNormal, [&](milliseconds step) { return at_least_none(plan_.warm_up / step - 1); });
  }

  [[nodiscard]] std::string text() const {
    std::string text = "\ntraining rows of each class, at least, by the scrape interval (--step)\n";
    const auto out = std::back_inserter(text);
    for (const milliseconds step : steps_) fmt::format_to(out, "{:>7}", duration_text(step));
    text += "  class\n";
    for (const auto& [name, rows] : classes_) fmt::format_to(out, "{:>7}  {}\n", fmt::join(rows, ""), name);
    return text + warnings();
  }

 private:
  template <class Rows>
  void add_rows(const std::string& name, Rows&& rows) {
    auto& counted = classes_.try_emplace(name, steps_.size(), 0U).first->second;
    for (size_t i = 0; i < steps_.size(); ++i) counted[i] += rows(steps_[i]);
  }

  void add_fault(size_t number, const ScheduledFault& fault, bool together) {
    std::vector<milliseconds> stretches = {fault.duration};
    std::vector<std::string> words = {fault.fault, "--cgroup=/any",
                                      "--duration=" + duration_text(fault.duration)};
    words.insert(words.end(), fault.flags.begin(), fault.flags.end());
    if (const auto asked = read_fault_words(words)) {
      stretches = strong_stretches(asked->shape, fault.duration);
      if (const auto doubt = asked->fault->doubt(fault.duration, asked->proof_timeout); !doubt.empty()) {
        auto& known = doubts_[fault.fault];
        if (++known.second == 1) known.first = fmt::format("injection {}: {} {}", number, fault.fault, doubt);
      }
    }
    add_rows(fmt::format("{} in {}", fault.fault, plan_.targets[fault.target].text), [&](milliseconds step) {
      size_t rows = 0;
      for (const milliseconds stretch : stretches) rows += together ? 0 : rows_of_fault(stretch, step);
      // What ended when this began, as on a walk, or shortly before, settles first.
      const milliseconds gap = fault.begin.count() > 0 ? milliseconds(0) : plan_.pause_time;
      rows = at_least_none(static_cast<int64_t>(rows) - settling_rows(kSettling - gap, step));
      return rows;
    });
  }

  [[nodiscard]] std::string warnings() const {
    std::string text;
    const auto out = std::back_inserter(text);
    for (size_t i = 0; i < steps_.size(); ++i) {
      std::vector<std::string_view> without;
      for (const auto& [name, rows] : classes_) {
        if (rows[i] == 0) without.push_back(name);
      }
      if (without.empty()) continue;
      fmt::format_to(out, "warning: at {} no row is left of: {}\n", duration_text(steps_[i]),
                     fmt::join(without, ", "));
    }
    if (together_ > 0) {
      fmt::format_to(
          out,
          "warning: no row is left of injections with faults `together`, here {}: which fault a quantity "
          "shows is not known\n",
          together_);
    }
    for (const milliseconds step : steps_) {
      if (walk_.empty() || rows_of_next_stop(walk_.front().duration, step) > 0) continue;
      fmt::format_to(out,
                     "warning: at {} a `walk` of {} leaves no row of any target but the first: it is {} in "
                     "each of {}, and a "
                     "row takes {} steps and 10s of settling\n",
                     duration_text(step), walk_.front().fault, duration_text(walk_.front().duration),
                     walk_.size(), kEdgesOfFault + 1);
    }
    if (plan_.pause_time < kSettling) {
      fmt::format_to(
          out,
          "warning: pause_time={} is shorter than the {} in which a service settles "
          "(sonde-analyzer dataset --settle): the next injection begins in what the one before has left\n",
          duration_text(plan_.pause_time), duration_text(kSettling));
    }
    for (const auto& [fault, doubt] : doubts_) {
      const auto more = doubt.second > 1 ? fmt::format(" (and {} more)", doubt.second - 1) : "";
      fmt::format_to(out, "warning: {}{}\n", doubt.first, more);
    }
    return text;
  }

  const CampaignPlan& plan_;
  const std::vector<milliseconds>& steps_;
  std::map<std::string, std::vector<size_t>> classes_;  ///< rows by step
  size_t together_ = 0;
  std::vector<ScheduledFault> walk_;                              ///< of the last injection that walks
  std::map<std::string, std::pair<std::string, size_t>> doubts_;  ///< by fault: the first, and how many
};

}  // namespace

size_t rows_of_fault(milliseconds duration, milliseconds step) {
  return at_least_none(duration / step - kEdgesOfFault);
}

size_t rows_of_pause(milliseconds pause, milliseconds step) {
  return at_least_none(pause / step - kEdgesOfPause - settling_rows(kSettling, step));
}

std::string training_rows_text(const CampaignPlan& plan, const CampaignSchedule& schedule,
                               const std::vector<milliseconds>& steps) {
  Count count(plan, steps);
  count.add_warm_up();
  for (size_t i = 0; i < schedule.injections.size(); ++i) count.add(i + 1, schedule.injections[i]);
  return count.text();
}

}  // namespace sonde::inject
