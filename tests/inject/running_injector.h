#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/exposition.h"

namespace sonde::inject {

/// Asks every 20 ms until it is true; false after the deadline.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds deadline = std::chrono::seconds(30));

/// A `sonde-inject` started by the test, with its log in a folder of its own. Orphans of it come to the test
/// process (a subreaper), which reaps them; whatever still runs at the end is killed.
class RunningInjector {
 public:
  /// Adds --web.listen-address with a free port and --state-dir to the arguments.
  explicit RunningInjector(std::vector<std::string> arguments);
  ~RunningInjector();
  RunningInjector(const RunningInjector&) = delete;
  RunningInjector& operator=(const RunningInjector&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::filesystem::path state_folder() const { return folder_ / "state"; }
  /// Pid in the state file's line of that key: "watchdog", "process"; 0 where there is none.
  [[nodiscard]] pid_t pid_in_state(const std::string& key) const;
  /// The body of a GET, or nothing where nobody answers.
  [[nodiscard]] std::optional<std::string> get(const std::string& path) const;
  [[nodiscard]] test::Exposition scrape() const;
  /// Waits until the log has the sentence.
  [[nodiscard]] bool says(const std::string& sentence) const;

  void signal(int number) const;
  /// SIGKILL to it and to its watchdog, which cannot act between the two; waits for its end.
  void kill_both();
  /// Waits for its end; the exit code, or -signal.
  int wait();
  [[nodiscard]] bool is_over();
  /// Processes of the program that are there now, orphans of it included, zombies reaped before.
  [[nodiscard]] std::set<pid_t> processes() const;

 private:
  std::filesystem::path folder_;
  pid_t pid_ = 0;
  std::optional<int> status_;
};

/// Runs the program to its end; what it printed, stdout and stderr, and its exit code.
std::pair<std::string, int> run_program(const std::vector<std::string>& arguments, uid_t as_user = 0);

}  // namespace sonde::inject
