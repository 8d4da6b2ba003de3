#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock.h"
#include "identity/name_source.h"

namespace sonde::identity {

/// Names of containers from all sources together. Threads: one.
class ContainerNames {
 public:
  /// How long a container waits for a source that has not answered before others name it.
  static constexpr std::chrono::milliseconds kPatience{2000};

  /// `sources` in the order in which they are believed. Of those that answer at once the first one's answer
  /// is remembered while an earlier one is still pending, because a short-lived container may be gone by
  /// then.
  explicit ContainerNames(std::vector<std::unique_ptr<NameSource>> sources) : sources_(std::move(sources)) {}

  /// What is known of a container now. kPending: ask again; kPatience after the first call it is either known
  /// or not. Who is unknown then is asked for again, at doubling distances: its runtime may come back.
  NameAnswer find(const ContainerCgroup& cgroup, SteadyTime now);
  /// The last word on a container that ended: nothing is waited for. Not kPending.
  NameAnswer find_last(const ContainerCgroup& cgroup);
  /// The container is gone.
  void forget(const std::string& id);

  [[nodiscard]] std::span<const std::unique_ptr<NameSource>> sources() const { return sources_; }

 private:
  struct Known {
    NameAnswer answer{};    ///< the best until now
    size_t source = 0;      ///< whose answer it is; the number of sources: nobody's
    SteadyTime asked_at{};  ///< the first time
    SteadyTime asked_last{};
    bool decided = false;
  };

  bool ask(const ContainerCgroup& cgroup, Known& known);

  std::vector<std::unique_ptr<NameSource>> sources_;
  std::unordered_map<std::string, Known> known_;  ///< by id
};

}  // namespace sonde::identity
