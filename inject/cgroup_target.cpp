#include "inject/cgroup_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <ranges>
#include <sstream>

#include "common/file_descriptor.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool has_controller(const CgroupFolder& folder, std::string_view controller) {
  return !folder.unified && std::ranges::count(split(folder.hierarchy, ','), controller) > 0;
}

/// Of v1's superblock options ("rw,cpu,cpuacct") those that name the hierarchy.
std::string controllers_of(const std::string& options) {
  static constexpr std::array<std::string_view, 6> kNoControllers = {"rw",    "ro",         "noprefix",
                                                                     "xattr", "nsdelegate", "clone_children"};
  std::string name;
  for (const auto& option : split(options, ',')) {
    if (std::ranges::count(kNoControllers, option) > 0 || option.starts_with("release_agent=")) continue;
    name += (name.empty() ? "" : ",") + option;
  }
  return name;
}

bool is_cgroup(const identity::MountEntry& mount) {
  return mount.type == "cgroup" || mount.type == "cgroup2";
}

bool is_unified(const identity::MountEntry& mount) {
  return mount.type == "cgroup2";
}

std::string hierarchy_of(const identity::MountEntry& mount) {
  return is_unified(mount) ? "unified" : controllers_of(mount.super_options);
}

/// The folder of a cgroup below a mount that may show a part of the tree only; "" where it lies outside of
/// that.
fs::path folder_below(const identity::MountEntry& mount, std::string_view below) {
  // A root above our cgroup namespace is shown as "/..": take the mount for the whole, as identity does.
  if (mount.root == "/" || mount.root.starts_with("/..")) return mount.point + std::string(below);
  if (!below.starts_with(mount.root + "/")) return {};
  return mount.point + std::string(below.substr(mount.root.size()));
}

/// What the user wrote, as a path in the hierarchies: "/shop/api-2".
Result<std::string> path_in_tree(std::string_view path, std::span<const identity::MountEntry> mounts) {
  if (std::ranges::count(fs::path(path), fs::path("..")) > 0) {
    return fail(ErrorCode::kInvalid, "has '..' in it; write the path without");
  }
  // Without "." and doubled slashes, or the root could be written in ways that are not seen to be it.
  std::string below = fs::path(path).lexically_normal().string();
  // The longest mount point that it begins with: /sys/fs/cgroup/unified, where both that and /sys/fs/cgroup
  // are.
  size_t longest = 0;
  std::string root;
  for (const auto& mount : mounts) {
    const bool inside = below == mount.point || below.starts_with(mount.point + "/");
    if (!is_cgroup(mount) || !inside || mount.point.size() <= longest) continue;
    longest = mount.point.size();
    root = mount.root == "/" || mount.root.starts_with("/..") ? "" : mount.root;
  }
  below = root + below.substr(longest);
  below = (fs::path("/") / fs::path(below).relative_path()).lexically_normal().string();
  while (below.size() > 1 && below.ends_with('/')) below.pop_back();
  if (below.size() <= 1) {
    return fail(ErrorCode::kInvalid, "the root cgroup is the whole machine; name one below it");
  }
  return below;
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text, '\0');  // an iterator would throw where the process ends meanwhile
  return text;
}

/// "quota period" in microseconds, quota "max" or -1 for none; cores, or nothing.
std::optional<double> limit_of(const CgroupFolder& folder, const fs::path& path) {
  std::istringstream text(folder.unified ? read_text(path / "cpu.max")
                                         : read_text(path / "cpu.cfs_quota_us") + " " +
                                               read_text(path / "cpu.cfs_period_us"));
  double quota = 0;
  double period = 0;
  if (!(text >> quota >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

tl::unexpected<Error> join_error(const CgroupFolder& folder, int error) {
  const std::string what = fmt::format("cannot enter {} ({} hierarchy): {}", folder.path.string(),
                                       folder.hierarchy, std::strerror(error));
  switch (error) {
    case EACCES:
    case EPERM:
      return fail(ErrorCode::kPermission, what + "; run as root");
    case EBUSY:
      return fail(ErrorCode::kUnavailable, what + "; it passes controllers on to children: name a leaf");
    case ENOSPC:
      return fail(ErrorCode::kUnavailable, what + "; its cpuset.cpus or cpuset.mems is empty: set them");
    default:
      return fail(ErrorCode::kUnavailable, what);
  }
}

}  // namespace

std::vector<identity::MountEntry> mounts_here() {
  return identity::parse_mountinfo(read_text("/proc/self/mountinfo"));
}

Result<CgroupFolder> find_folder(std::string_view path, std::string_view hierarchy,
                                 std::span<const identity::MountEntry> mounts) {
  auto answer = fail(ErrorCode::kUnavailable,
                     fmt::format("no mount of the {} hierarchy shows '{}' here", hierarchy, path));
  for (const auto& mount : mounts) {
    if (!is_cgroup(mount) || hierarchy_of(mount) != hierarchy) continue;
    const fs::path folder = folder_below(mount, path);
    std::error_code error;
    if (folder.empty()) continue;
    if (fs::exists(folder, error)) return CgroupFolder{std::string(hierarchy), is_unified(mount), folder};
    answer = error ? fail(ErrorCode::kUnavailable, fmt::format("{}: {}", folder.string(), error.message()))
                   : fail(ErrorCode::kNotFound, fmt::format("{} is gone", folder.string()));
  }
  return answer;
}

Result<CgroupTarget> CgroupTarget::find(std::string_view path) {
  return find(path, mounts_here());
}

Result<CgroupTarget> CgroupTarget::find(std::string_view path, std::span<const identity::MountEntry> mounts) {
  const auto below = path_in_tree(path, mounts);
  if (!below) return tl::unexpected(below.error());
  CgroupTarget target;
  target.path_ = *below;
  for (const auto& mount : mounts) {
    if (!is_cgroup(mount)) continue;
    const std::string name = hierarchy_of(mount);
    std::error_code ignored;
    const fs::path folder = folder_below(mount, *below);
    const bool seen = std::ranges::count(target.folders_, name, &CgroupFolder::hierarchy) > 0;
    if (!seen && !folder.empty() && fs::exists(folder / "cgroup.procs", ignored)) {
      target.folders_.push_back({name, is_unified(mount), folder});
    }
  }
  if (target.folders_.empty()) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("exists in none of the {} cgroup hierarchies; see /proc/PID/cgroup of a process of "
                    "the container, or list /sys/fs/cgroup",
                    std::ranges::count_if(mounts, is_cgroup)));
  }
  if (!target.cpu_usage_ns()) {
    return fail(
        ErrorCode::kUnsupported,
        "exists only in hierarchies that do not account CPU time, so no effect could be proven; make it "
        "in cpuacct or cgroup v2 too");
  }
  return target;
}

Result<void> CgroupTarget::join() const {
  for (const auto& folder : folders_) {
    const FileDescriptor file(open((folder.path / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), "0", 1) != 1) return join_error(folder, errno);
  }
  return {};
}

Result<uint64_t> CgroupTarget::cpu_usage_ns() const {
  for (const auto& folder : folders_) {
    if (has_controller(folder, "cpuacct")) {
      std::ifstream file(folder.path / "cpuacct.usage");
      if (uint64_t usage = 0; file >> usage) return usage;
    }
  }
  for (const auto& folder : folders_) {
    if (!folder.unified) continue;
    std::ifstream file(folder.path / "cpu.stat");
    std::string key;
    for (uint64_t value = 0; file >> key >> value;) {
      if (key == "usage_usec") return value * 1000;
    }
  }
  return fail(ErrorCode::kNotFound, fmt::format("no CPU time of '{}': the cgroup is gone", path_));
}

std::optional<double> CgroupTarget::cpu_limit_cores() const {
  std::optional<double> tightest;
  const auto depth = std::ranges::distance(fs::path(path_)) - 1;  // the first part is "/"
  for (const auto& folder : folders_) {
    if (!folder.unified && !has_controller(folder, "cpu")) continue;
    fs::path level = folder.path;
    for (auto i = depth; i > 0; --i, level = level.parent_path()) {
      const auto limit = limit_of(folder, level);
      if (limit && (!tightest || *limit < *tightest)) tightest = limit;
    }
  }
  return tightest;
}

bool CgroupTarget::contains(pid_t pid) const {
  return std::ranges::any_of(folders_, [pid](const CgroupFolder& folder) {
    std::ifstream file(folder.path / "cgroup.procs");
    const std::istream_iterator<pid_t> end;
    return std::find(std::istream_iterator<pid_t>(file), end, pid) != end;
  });
}

}  // namespace sonde::inject
