#include "common/shutdown.h"

#include "common/log.h"

namespace sonde {

Shutdown::Shutdown() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  // A peer that closes its socket must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
}

Shutdown::~Shutdown() {
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void Shutdown::wait(const std::function<void()>& on_hangup) {
  for (;;) {
    int signal_number = 0;
    if (sigwait(&signals_, &signal_number) != 0) continue;
    if (signal_number == SIGHUP) {
      if (on_hangup) on_hangup();
      continue;
    }
    log::info("stopping", {{"signal", signal_number}});
    return;
  }
}

}  // namespace sonde
