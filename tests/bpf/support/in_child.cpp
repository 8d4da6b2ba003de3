#include "tests/bpf/support/in_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace sonde::test {

std::string in_child(const std::function<std::string()>& work) {
  int channel[2];
  if (::pipe(channel) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(channel[0]);
    const std::string text = work();
    const bool written = ::write(channel[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(channel[1]);
  std::string text;
  char piece[4096];
  for (ssize_t length = 0; (length = ::read(channel[0], piece, sizeof piece)) > 0;) {
    text.append(piece, static_cast<size_t>(length));
  }
  ::close(channel[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "died";
}

}  // namespace sonde::test
