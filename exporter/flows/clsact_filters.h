#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/file_descriptor.h"
#include "common/network/netlink.h"
#include "common/result.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

/// The cls_bpf filters of one owner in one network namespace, and the clsact qdiscs that he made for them.
/// Threads: one at a time.
class ClsactFilters {
 public:
  /// In the calling thread's network namespace, with a new number of the owner. Errors: kPermission,
  /// kUnavailable.
  static Result<std::unique_ptr<ClsactFilters>> open();

  /// Adds a filter, and a clsact qdisc where the interface has none. Returns the filter's handle.
  /// Errors: kNotFound where the interface is gone, else the kernel's.
  Result<uint32_t> add(uint32_t interface, Direction direction, int program, std::string_view name);
  /// Removes one, and the qdisc that was made for it when no filter, anybody's, is left. What is gone already
  /// is no error.
  Result<void> remove(uint32_t interface, Direction direction, uint32_t handle);

  /// Looks which of the filters are still there: anybody may delete them, and a qdisc with them.
  /// Errors: of some it is not known. Cost: about 50 µs an interface.
  Result<void> look();
  /// Whether a filter was there at the last look().
  [[nodiscard]] bool has(uint32_t interface, Direction direction, uint32_t handle) const;
  /// Interfaces where another's cls_bpf filter with direct action stands in front of these, at the last
  /// look() or add(): what it takes, these do not see.
  [[nodiscard]] size_t hidden() const { return hidden_.size(); }

  /// Removes the filters of owners who live no more, and the qdiscs that they made where nothing is left in
  /// them; returns how many filters. Errors: nothing could be listed, or one could not be removed.
  Result<size_t> remove_stale();

 private:
  struct Filter;

  ClsactFilters(NetlinkSocket socket, uint32_t owner, FileDescriptor alive);
  Result<bool> make_qdisc(uint32_t interface);
  Result<void> remove_qdisc_if_empty(uint32_t interface);
  Result<void> remove_filter(uint32_t interface, uint32_t parent, uint32_t info, uint32_t handle);
  Result<std::vector<Filter>> filters_of(uint32_t interface);
  Result<std::set<uint32_t>> interfaces_with_clsact();
  Result<void> look_at(uint32_t interface);
  [[nodiscard]] bool lives(uint32_t owner) const;

  NetlinkSocket socket_;
  uint32_t owner_;
  FileDescriptor alive_;  ///< the socket that says that the owner lives
  uint32_t next_ = 0;
  std::set<uint32_t> made_qdiscs_;                                   ///< of these interfaces
  std::map<uint32_t, std::set<std::pair<uint32_t, uint32_t>>> own_;  ///< parent and handle, by interface
  std::set<uint32_t> hidden_;                                        ///< interfaces
};

}  // namespace sonde::exporter
