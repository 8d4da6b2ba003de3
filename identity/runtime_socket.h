#pragma once

#include <chrono>
#include <vector>

#include "common/result.h"
#include "identity/container_record.h"

namespace sonde::identity {

/// A runtime that answers on a unix socket. Threads: one.
class RuntimeSocket {
 public:
  virtual ~RuntimeSocket() = default;

  /// Every container that it knows, pods' sandboxes too. Errors: kNotFound where there is nobody to ask,
  /// kUnsupported where it does not offer this, kUnavailable where it does not answer in time, kInvalid where
  /// the answer is none; the message names the socket.
  virtual Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds timeout) = 0;
  /// Adds to a record of list() what only a question for the one container tells. Errors: as list().
  virtual Result<void> complete(ContainerRecord& record, std::chrono::milliseconds timeout) = 0;
};

}  // namespace sonde::identity
