#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "exporter/flows/flow_programs.h"
#include "exporter/flows/interface_plan.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

/// How attaching went since the start.
struct AttachCounts {
  uint64_t tcx = 0;     ///< interfaces attached to by links
  uint64_t clsact = 0;  ///< by filters
  uint64_t failures = 0;
  uint64_t stale_removed = 0;
};

/// The flow programs at the interfaces that they are attached to. Threads: one, whose network namespace is
/// `home`.
class AttachedInterfaces {
 public:
  struct Options {
    FlowAttach attach = FlowAttach::kHostEnds;
    TcMeans means = TcMeans::kBest;
    std::string procfs = "/proc";
    int home = -1;  ///< descriptor of the thread's network namespace
    std::function<Result<FlowProgramDescriptors>(uint32_t space)> programs{};
    std::function<void(uint32_t space)> release{};
  };
  explicit AttachedInterfaces(Options options) : options_(std::move(options)) {}

  /// Prepares the thread's own namespace: what a killed predecessor left there goes. Errors: as TcAttacher
  /// and as Options::programs. Returns what programs will be held by: kTcx or kClsact.
  Result<TcMeans> open_home(uint32_t space);

  /// Detaches from what is not wanted, attaches to what is. What fails is tried again after 10 s. Takes not
  /// much longer than half a second; the rest is for the next call.
  void sync(const std::vector<WantedInterface>& wanted, SteadyTime now);
  /// Notices programs that somebody else detached; the next sync() attaches them again.
  void look();
  /// The interface is gone, and what holds a program there with it.
  void forget(uint32_t space, uint32_t index);

  [[nodiscard]] std::vector<FlowInterface> current() const;
  /// Interfaces held by kTcx or kClsact.
  [[nodiscard]] size_t held_by(TcMeans means) const;
  [[nodiscard]] size_t failed() const { return failed_.size(); }
  /// As TcAttacher::hidden().
  [[nodiscard]] size_t hidden() const;
  [[nodiscard]] const AttachCounts& counts() const { return counts_; }
  /// When sync() has something to do again; the largest time where it has not.
  [[nodiscard]] SteadyTime next_retry() const;

 private:
  using Key = std::pair<uint32_t, uint32_t>;  ///< space, index
  struct Space {
    std::unique_ptr<TcAttacher> attacher;
    FlowProgramDescriptors programs{};
  };
  struct Attached {
    FlowInterface interface{};
    TcAttachment from_container;
    TcAttachment to_container;
  };

  Result<Space*> open_space(uint32_t space);
  Result<Attached> attach(const WantedInterface& wanted);
  Result<Attached> attach_here(const WantedInterface& wanted);
  void drop_unused_spaces(const std::vector<WantedInterface>& wanted);

  Options options_;
  uint32_t home_space_ = 0;
  bool logged_failure_ = false;
  bool logged_hidden_ = false;
  bool unfinished_ = false;  ///< sync() has left something to the next call
  AttachCounts counts_;
  std::map<uint32_t, Space> spaces_;
  std::map<Key, SteadyTime> failed_;    ///< when to try again
  std::map<Key, Attached> interfaces_;  ///< after spaces_, whose attachers they use
};

}  // namespace sonde::exporter
