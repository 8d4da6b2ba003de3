#pragma once

#include <vector>

#include "common/clock.h"
#include "common/file_descriptor.h"

namespace sonde::inject {

/// SIGINT and SIGTERM as something to wait for. They are blocked from its construction on, in every thread
/// and process made later.
class SignalQueue {
 public:
  SignalQueue();
  /// Readable while a signal is waiting.
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  /// Takes one signal out; its number, or 0 where none is waiting.
  int take();

 private:
  FileDescriptor descriptor_;
};

/// Sleeps until one of the descriptors (-1: never) is readable, or until `deadline`.
void wait_for(const std::vector<int>& descriptors, SteadyTime deadline);

/// Whether it is readable now; -1 never is.
bool is_readable(int descriptor);

}  // namespace sonde::inject
