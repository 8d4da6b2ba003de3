#include "identity/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cassert>
#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

namespace sonde::identity {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// Whether a call failed because the cgroup was removed meanwhile.
bool has_vanished(int error) {
  return error == ENOENT || error == ENODEV;
}

/// A directory still to be listed.
struct Pending {
  std::string directory;
  std::string path;  ///< of the cgroup; "" for the tree's root
  size_t depth = 0;
};

class Walk {
 public:
  Walk(CgroupScan& scan, const CgroupMount& mount, const std::function<void(const std::string&)>& before)
      : scan_(scan), mount_(mount), before_(before) {}

  void run() {
    pending_.push_back({mount_.directory, mount_.root == "/" ? "" : mount_.root, 0});
    while (!pending_.empty()) {
      const Pending next = std::move(pending_.back());
      pending_.pop_back();
      list(next);
    }
  }

 private:
  void list(const Pending& parent) {
    if (before_) before_(parent.directory);
    const Directory directory(opendir(parent.directory.c_str()));
    if (!directory) {
      if (!has_vanished(errno)) ++scan_.unreadable;
      return;
    }
    while (const dirent* entry = next_of(directory.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
      found(parent, dirfd(directory.get()), entry->d_name);
    }
  }

  const dirent* next_of(DIR* directory) {
    errno = 0;
    const dirent* const entry = readdir(directory);
    if (entry == nullptr && errno != 0 && !has_vanished(errno)) ++scan_.unreadable;
    return entry;
  }

  void found(const Pending& parent, int parent_descriptor, const char* name) {
    assert(parent_descriptor >= 0);  // of a directory that is open
    struct stat status{};
    if (fstatat(parent_descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (!has_vanished(errno)) ++scan_.unreadable;
      return;
    }
    if (!S_ISDIR(status.st_mode)) return;
    if (parent.depth >= kDeepestCgroup || scan_.tree.size() >= kMostCgroups) {
      scan_.truncated = true;
      return;
    }
    Pending child{parent.directory + '/' + name, parent.path + '/' + name, parent.depth + 1};
    CgroupIds& ids = scan_.tree[child.path];
    for (const Hierarchy hierarchy : mount_.hierarchies) ids[static_cast<size_t>(hierarchy)] = status.st_ino;
    // kernfs gives a directory two links and one more for each child. With a watch to set, the check would
    // race with a child made before the watch.
    if (status.st_nlink == 2 && !before_) return;
    pending_.push_back(std::move(child));
  }

  CgroupScan& scan_;
  const CgroupMount& mount_;
  const std::function<void(const std::string&)>& before_;
  std::vector<Pending> pending_;
};

}  // namespace

bool has_descendants(const CgroupTree& tree, std::string_view path) {
  const std::string prefix = std::string(path) + '/';
  const auto next = tree.lower_bound(prefix);
  return next != tree.end() && next->first.starts_with(prefix);
}

bool has_sibling(const CgroupTree& tree, std::string_view path, std::string_view name_prefix) {
  std::string prefix(path.substr(0, path.rfind('/') + 1));
  prefix += name_prefix;
  const auto next = tree.lower_bound(prefix);
  return next != tree.end() && next->first.starts_with(prefix);
}

CgroupScan scan_cgroups(const CgroupMounts& mounts,
                        const std::function<void(const std::string&)>& before_listing) {
  CgroupScan scan;
  for (const CgroupMount& mount : mounts.mounts()) Walk(scan, mount, before_listing).run();
  return scan;
}

}  // namespace sonde::identity
