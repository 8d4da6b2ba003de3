#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "exporter/flows/container_namespaces.h"

namespace sonde::test {

/// Moves the calling thread into a new network namespace of its own, whose lo is up. Threads and processes
/// that it starts later are in it too, and it goes with the last of them.
void enter_new_namespace();

/// Runs a command line in the calling thread's network namespace; throws where it fails.
void run(const std::string& command);
/// Its output; throws where it fails.
std::string output_of(const std::string& command);

/// Waits until it holds, at most a generous while; returns whether it does.
bool eventually(const std::function<bool()>& holds);

/// A process in a network namespace of its own, as a container has one. Killed when it goes.
class Pod {
 public:
  Pod();
  ~Pod();
  Pod(Pod&& other) noexcept;
  Pod& operator=(Pod&&) = delete;

  [[nodiscard]] pid_t process() const { return process_; }
  [[nodiscard]] uint64_t network_namespace() const { return inode_; }
  [[nodiscard]] exporter::ContainerNetwork network() const { return {inode_, process_}; }

  /// Makes a veth pair, `host_end` in the calling thread's namespace and eth0 in the pod's, with the
  /// addresses 10.0.NUMBER.1/24 and 10.0.NUMBER.2/24, and both up.
  void connect(const std::string& host_end, int number) const;
  /// Runs something in a thread that is in the pod's namespace.
  void inside(const std::function<void()>& work) const;
  /// Ends the process, and with it the namespace.
  void end();

 private:
  pid_t process_ = 0;
  uint64_t inode_ = 0;
};

/// Sends datagrams to port 9999 of an address from the calling thread's namespace.
void send_datagrams(const std::string& address, int count);

}  // namespace sonde::test
