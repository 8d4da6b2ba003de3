#pragma once

#include <optional>
#include <string_view>

#include "identity/container_cgroup.h"
#include "identity/container_record.h"

namespace sonde::identity {

/// What a source says of a container.
struct NameAnswer {
  enum class State {
    kKnown,
    kUnknown,  ///< it knows no such container, or cannot be asked
    kPending,  ///< it was asked and has not answered yet: ask again
  };
  State state = State::kUnknown;
  ContainerRecord record{};  ///< where it is kKnown
};

/// Something that knows names of containers: a runtime's socket, or the files that it keeps.
class NameSource {
 public:
  virtual ~NameSource() = default;

  /// The value of the label `source` of its metrics.
  [[nodiscard]] virtual std::string_view word() const = 0;
  /// Answers from what is at hand: at most some small files are read. Threads: one caller at a time.
  virtual NameAnswer find(const ContainerCgroup& cgroup) = 0;
  /// The container is gone: what was learnt of it may be dropped.
  virtual void forget(std::string_view /*id*/) {}
  /// Whether there was something to ask when it was last tried, up or not.
  [[nodiscard]] virtual bool present() const { return true; }
  /// Whether it could be asked when it was last tried.
  [[nodiscard]] virtual bool up() const = 0;
};

}  // namespace sonde::identity
