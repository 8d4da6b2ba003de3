#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "common/result.h"
#include "exporter/bpf_collectors.h"

namespace sonde::exporter {

/// A cgroup came, went or got its first process.
struct CgroupEvent {
  enum class Kind {
    kCreated,    ///< mkdir
    kRemoved,    ///< rmdir: no task is left in it, pages and I/O may still be charged
    kPopulated,  ///< it was empty and got a process of its own
  };

  Kind kind;
  uint32_t hierarchy_root;  ///< the kernel's number of the hierarchy, as in /proc/cgroups; 0 for v2
  uint64_t cgroup_id;       ///< the inode of its directory
  std::string_view
      path;  ///< below the hierarchy's root; valid during the callback only. Clipped at 511 bytes.
};

/// The kernel's announcements of cgroups made, populated and removed, on every hierarchy at once.
///
/// Threads: one; poll() and the callback run on the caller's thread.
class BpfCgroupEvents {
 public:
  virtual ~BpfCgroupEvents() = default;

  /// Calls `on_event` for each event that is waiting; returns at once if there is none.
  /// Returns how many were handled.
  virtual Result<int> poll(const std::function<void(const CgroupEvent&)>& on_event) = 0;

  /// A descriptor that is readable while events wait, for epoll.
  [[nodiscard]] virtual int descriptor() const = 0;

  /// Whether kPopulated is announced: the kernel has the hook.
  [[nodiscard]] virtual bool tells_populated() const = 0;

  /// Events that found the buffer full since the start. When it grows, the caller lists the cgroups anew.
  [[nodiscard]] virtual uint64_t lost() const = 0;
};

/// Errors: what keeps the programs from loading, with the remedy; the caller then falls back on inotify.
Result<std::unique_ptr<BpfCgroupEvents>> make_bpf_cgroup_events(BpfContext& context);

}  // namespace sonde::exporter
