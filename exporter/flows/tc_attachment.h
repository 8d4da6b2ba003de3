#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/file_descriptor.h"
#include "common/network/tcx_link.h"
#include "common/result.h"

namespace sonde::exporter {

/// How programs are held at an interface.
enum class TcMeans {
  kBest,    ///< tcx where the kernel has it (6.6 and later), else clsact
  kTcx,     ///< links of this process, which end with it, however it ends
  kClsact,  ///< cls_bpf filters, direct action, in a clsact qdisc: these outlive a killed process
};
std::string_view tc_means_word(TcMeans means);

class ClsactFilters;

/// A program at one direction of one interface; detaches it when it goes. It must not outlive its TcAttacher.
/// Threads: one at a time.
class TcAttachment {
 public:
  TcAttachment() = default;
  TcAttachment(TcAttachment&& other) noexcept;
  TcAttachment& operator=(TcAttachment&& other) noexcept;
  ~TcAttachment();

  /// Whether the program is still there: a link says when its interface has gone, a filter whether it was
  /// there at the last TcAttacher::look().
  [[nodiscard]] bool holds() const;
  /// kTcx or kClsact.
  [[nodiscard]] TcMeans means() const { return clsact_ == nullptr ? TcMeans::kTcx : TcMeans::kClsact; }

 private:
  friend class TcAttacher;
  explicit TcAttachment(FileDescriptor link);
  TcAttachment(ClsactFilters& clsact, uint32_t interface, Direction direction, uint32_t handle);
  void detach();

  FileDescriptor link_;
  ClsactFilters* clsact_ = nullptr;  ///< set: held by a filter instead of a link
  uint32_t interface_ = 0;
  Direction direction_ = Direction::kIngress;
  uint32_t handle_ = 0;
};

/// Attaches programs to interfaces of one network namespace. Programs (SEC("tc")) of one interface run beside
/// those of others, so they must return TC_ACT_UNSPEC (-1): "go on with the next". Needs CAP_NET_ADMIN and,
/// to use descriptors of programs, CAP_BPF. Threads: one at a time.
///
/// Filters carry a name, "sonde_" and what the caller says, and the number of their owner, who holds an
/// abstract unix socket of that number in the same network namespace while it lives. So filters that a killed
/// process left are told from those of another exporter that runs, and open() removes them.
class TcAttacher {
 public:
  /// For the network namespace that the calling thread is in; removes what dead owners left there.
  /// Errors: kPermission; kUnsupported where the kernel has neither means, or not the one asked for.
  static Result<std::unique_ptr<TcAttacher>> open(TcMeans means = TcMeans::kBest);
  ~TcAttacher();
  TcAttacher(const TcAttacher&) = delete;
  TcAttacher& operator=(const TcAttacher&) = delete;

  /// REQUIRES: the calling thread is in the attacher's network namespace.
  /// `program`: descriptor of a program, only used during the call. `name`: "flow_rtt", for people.
  /// Errors: kNotFound where the interface is gone (no fault: interfaces come and go), else the kernel's.
  Result<TcAttachment> attach(uint32_t interface, Direction direction, int program, std::string_view name);

  /// Looks after the filters that attach() made; links need no look. What cannot be listed counts as there.
  void look();
  /// Interfaces where a filter of somebody else stands in front and may take packets, so that programs behind
  /// it do not see those; of links none, as they stand in front of all filters.
  [[nodiscard]] size_t hidden() const;

  /// What attach() uses: kTcx or kClsact.
  [[nodiscard]] TcMeans means() const { return means_; }
  /// Filters of dead owners that open() removed.
  [[nodiscard]] size_t stale_removed() const { return stale_removed_; }

 private:
  TcAttacher();

  TcMeans means_ = TcMeans::kTcx;
  size_t stale_removed_ = 0;
  std::unique_ptr<ClsactFilters> clsact_;  ///< null with kTcx
};

}  // namespace sonde::exporter
