#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "exporter/bpf_cgroup_events.h"

namespace sonde::exporter {

/// Tells that cgroups came, went and got their first process. Threads: one at a time.
class CgroupWatch {
 public:
  virtual ~CgroupWatch() = default;

  /// A descriptor that is readable while something waits.
  [[nodiscard]] virtual int descriptor() const = 0;

  /// Takes all that waits. Calls `on_event` where it knows what happened; returns true where it does not and
  /// the cgroups must be listed anew.
  virtual bool take(const std::function<void(const CgroupEvent&)>& on_event) = 0;

  /// Whether it announces the first process of a cgroup. If not, that must be looked for.
  [[nodiscard]] virtual bool tells_populated() const = 0;

  /// Called with each directory before a walk lists it.
  virtual void before_listing(const std::string& directory) = 0;
  /// Whether it needs before_listing() at all.
  [[nodiscard]] virtual bool watches_directories() const = 0;
};

/// By the kernel's tracepoints: exact and at once, also for cgroups that live for an instant only.
std::unique_ptr<CgroupWatch> make_bpf_watch(std::unique_ptr<BpfCgroupEvents> events);

/// By inotify: says only that something changed. Errors: kUnavailable with the kernel's reason.
Result<std::unique_ptr<CgroupWatch>> make_inotify_watch();

}  // namespace sonde::exporter
