#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sonde::test {

/// A program that a test runs: its output goes to a file, and it ends with the object, or with the test
/// should that be killed.
///
/// Threads: one.
class ChildProcess {
 public:
  /// Starts the program (found by PATH). `output` receives what it prints; empty: thrown away.
  ChildProcess(const std::vector<std::string>& command, const std::string& output);
  ~ChildProcess() { stop(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// True until the program has ended.
  bool running();
  /// SIGTERM, and SIGKILL if it has not ended 10 s later. Does nothing after the end.
  void stop();
  /// Waits for the end; the exit status as waitpid(2) tells it.
  int wait();

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace sonde::test
