#include "inject/faults/disk_load.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "inject/container_processes.h"

namespace sonde::inject {
namespace {

constexpr std::chrono::milliseconds kStep(20);
constexpr std::chrono::milliseconds kSyncInterval(250);
constexpr size_t kAlignment = 4096;       // of memory, for O_DIRECT
constexpr double kMostDebtSeconds = 0.5;  // a disk that cannot keep up is not asked for more and more

/// Opens a path below `root`, out of which no link leads.
FileDescriptor open_below(const FileDescriptor& root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return FileDescriptor(static_cast<int>(syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
}

/// The root folder of the container; of the machine where it has no process.
Result<FileDescriptor> open_root(const CgroupTarget& target, const std::vector<ProcessIdentity>& processes) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  if (!processes.empty()) return open_of_process(target, processes.front(), "root", kFlags);
  FileDescriptor root(open("/", kFlags));
  if (!root) return fail(ErrorCode::kUnavailable, fmt::format("/: {}", std::strerror(errno)));
  return root;
}

FileDescriptor open_file(const FileDescriptor& folder, int more) {
  const int flags = O_RDWR | O_CLOEXEC | O_EXCL | more;
  FileDescriptor file(openat(folder.get(), ".", flags | O_TMPFILE, 0600));
  if (file || errno != EOPNOTSUPP) return file;
  // An older overlayfs: a file whose name is gone a few microseconds later.
  const std::string name = fmt::format(".sonde-disk-{}", getpid());
  file.reset(openat(folder.get(), name.c_str(), flags | O_CREAT | O_NOFOLLOW, 0600));
  if (file) unlinkat(folder.get(), name.c_str(), 0);
  return file;
}

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};
using Block = std::unique_ptr<void, FreeMemory>;

Block make_block() {
  Block block(std::aligned_alloc(kAlignment, kDiskBlockBytes));
  if (block) std::memset(block.get(), 0x5a, kDiskBlockBytes);
  return block;
}

/// The file's blocks in turn, each read or written. Reads need something to be read: all blocks are written
/// once before.
class BlockLoad {
 public:
  BlockLoad(const DiskPlan& plan, int file, SharedFigures& figures)
      : plan_(plan), file_(file), figures_(figures), block_(make_block()) {}

  [[nodiscard]] bool ready() const { return block_ != nullptr; }

  void next() {
    const bool write = !filled_ || (plan_.writes && (!plan_.reads || writes_next_));
    const auto at = static_cast<off_t>(block_number_ * kDiskBlockBytes);
    const ssize_t moved = write ? pwrite(file_, block_.get(), kDiskBlockBytes, at)
                                : pread(file_, block_.get(), kDiskBlockBytes, at);
    if (moved != static_cast<ssize_t>(kDiskBlockBytes)) figures_.losses += 1;
    if (moved > 0) figures_.amount += static_cast<uint64_t>(moved);
    if (moved > 0 && !write) posix_fadvise(file_, at, kDiskBlockBytes, POSIX_FADV_DONTNEED);
    writes_next_ = !writes_next_;
    if (++block_number_ * kDiskBlockBytes < plan_.file_bytes) return;
    block_number_ = 0;
    filled_ = true;
  }
  /// So that written pages reach the disk, and later reads of them come from there.
  void sync() const {
    fdatasync(file_);
    posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
  }

 private:
  DiskPlan plan_;
  int file_;
  SharedFigures& figures_;
  Block block_;
  uint64_t block_number_ = 0;  ///< of the next one
  bool filled_ = false;        ///< all blocks were written
  bool writes_next_ = true;    ///< of both in turn
};

}  // namespace

Result<FileDescriptor> open_nameless_file(const CgroupTarget& target, const std::string& folder) {
  const auto processes = container_processes(target);
  const std::string root_path = processes.empty() ? "/" : fmt::format("/proc/{}/root", processes.front().pid);
  const auto root = open_root(target, processes);
  if (!root) return tl::unexpected(root.error());
  const auto refuse = [&](const char* why, const char* remedy) {
    return fail(ErrorCode::kInvalid,
                fmt::format("--folder={} (below {}): {}; {}", folder, root_path, why, remedy));
  };
  const FileDescriptor opened = open_below(*root, folder);
  if (!opened) return refuse(std::strerror(errno), "name a folder of the container");
  struct statfs system{};
  if (fstatfs(opened.get(), &system) == 0 && (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC)) {
    return refuse("is in memory", "name a folder on a disk");
  }
  FileDescriptor file = open_file(opened, O_DIRECT);
  if (!file) file = open_file(opened, 0);
  if (!file) return refuse(std::strerror(errno), "name a folder that takes files");
  return file;
}

void load_disk(const DiskPlan& plan, int file, SharedFigures& figures, SteadyTime lease_end) {
  BlockLoad load(plan, file, figures);
  if (!load.ready()) return;
  double owed = 0;  // bytes
  SteadyTime synced = SteadyClock::now();
  for (SteadyTime last = synced; last < lease_end;) {
    std::this_thread::sleep_for(kStep);
    const SteadyTime now = SteadyClock::now();
    const double rate = figures.level * static_cast<double>(plan.bytes_per_second);
    owed = std::min(owed + rate * std::chrono::duration<double>(now - last).count(),
                    std::max(rate * kMostDebtSeconds, 1.0 * kDiskBlockBytes));
    last = now;
    while (owed >= kDiskBlockBytes) {
      load.next();
      owed -= kDiskBlockBytes;
    }
    if (plan.writes && now - synced >= kSyncInterval) {
      load.sync();
      synced = now;
    }
  }
}

}  // namespace sonde::inject
