#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace sonde {

/// Turns SIGINT and SIGTERM (and SIGHUP, for a reload) into calls on an ordinary thread.
///
/// Construct it first in main(), before any other thread starts: it blocks the signals for all of them.
class Shutdown {
 public:
  Shutdown();
  ~Shutdown();
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  /// Sleeps until SIGINT or SIGTERM arrives; calls on_hangup (if any) for each SIGHUP meanwhile.
  void wait(const std::function<void()>& on_hangup = {});

 private:
  sigset_t signals_{};
};

}  // namespace sonde
