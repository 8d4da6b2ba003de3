#include "tests/bpf/support/ping_pong.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace sonde::test {

void ping_pong(uint64_t count) {
  static const auto kPipes = [] {
    std::array<int, 4> ends{};
    if (::pipe(ends.data()) != 0 || ::pipe(ends.data() + 2) != 0) ::_exit(1);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      char byte = 0;
      while (::read(ends[0], &byte, 1) == 1 && ::write(ends[3], &byte, 1) == 1) {
      }
      ::_exit(0);
    }
    return ends;
  }();
  char byte = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (::write(kPipes[1], &byte, 1) != 1 || ::read(kPipes[2], &byte, 1) != 1) ::_exit(1);
  }
}

}  // namespace sonde::test
