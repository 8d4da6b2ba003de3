#include "identity/cgroup_mounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "identity/cgroup_file.h"

namespace sonde::identity {
namespace {

constexpr std::string_view kStandardCgroupfs = "/sys/fs/cgroup";

/// Splits at a character; empty pieces are kept.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

/// Undoes the kernel's escapes of blank, tab, newline and backslash (\040, \011, \012, \134).
std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

/// A mount that could show a hierarchy, and how much it is preferred (less is better).
struct Candidate {
  CgroupMount mount;
  int rank = 0;
};

std::optional<Candidate> candidate_of(const MountEntry& entry, const HostRoots& roots) {
  if (entry.type != "cgroup" && entry.type != "cgroup2") return std::nullopt;
  Candidate candidate;
  if (is_below(entry.point, roots.cgroupfs)) {
    candidate.mount.directory = entry.point;
  } else if (is_below(entry.point, kStandardCgroupfs)) {
    candidate.mount.directory = roots.cgroupfs + entry.point.substr(kStandardCgroupfs.size());
    candidate.rank = 1;
  } else if (roots.cgroupfs == kStandardCgroupfs) {
    candidate.mount.directory = entry.point;
    candidate.rank = 2;
  } else {
    return std::nullopt;
  }
  // A root above the reader's cgroup namespace is shown as "/..": the true path cannot be known.
  candidate.mount.root = entry.root.starts_with("/..") ? "/" : entry.root;

  const std::vector<std::string_view> options = split(entry.super_options, ',');
  if (entry.type == "cgroup2") {
    candidate.mount.hierarchies = {Hierarchy::kUnified};
    candidate.mount.kernel_number = 0;
    candidate.mount.memory_local_events = std::ranges::find(options, "memory_localevents") != options.end();
  } else {
    for (const std::string_view option : options) {
      if (const auto hierarchy = hierarchy_of_controller(option)) {
        candidate.mount.hierarchies.push_back(*hierarchy);
      }
    }
  }
  if (candidate.mount.hierarchies.empty()) return std::nullopt;
  return candidate;
}

/// The number in front of the line of /proc/PID/cgroup ("3:cpu,cpuacct:/") that names the controller.
std::optional<uint32_t> kernel_number_of(std::string_view controller, std::string_view proc_cgroup) {
  for (const std::string_view line : split(proc_cgroup, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() < 3) continue;
    const std::vector<std::string_view> controllers = split(fields[1], ',');
    if (std::ranges::find(controllers, controller) == controllers.end()) continue;
    uint32_t number = 0;
    const char* end = fields[0].data() + fields[0].size();
    if (std::from_chars(fields[0].data(), end, number).ptr == end) return number;
  }
  return std::nullopt;
}

}  // namespace

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const std::string_view line : split(text, '\n')) {
    // 36 35 98:0 ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPER_OPTIONS
    const std::vector<std::string_view> fields = split(line, ' ');
    if (fields.size() < 10) continue;
    const auto separator = std::find(fields.begin() + 6, fields.end(), "-");
    if (std::distance(separator, fields.end()) < 4) continue;
    entries.push_back({.root = unescape(fields[3]),
                       .point = unescape(fields[4]),
                       .type = std::string(separator[1]),
                       .super_options = std::string(separator[3])});
  }
  return entries;
}

std::string_view cgroup_layout_word(CgroupLayout layout) {
  switch (layout) {
    case CgroupLayout::kNone:
      return "none";
    case CgroupLayout::kV1:
      return "v1";
    case CgroupLayout::kHybrid:
      return "hybrid";
    case CgroupLayout::kV2:
      return "v2";
  }
  return "none";
}

const CgroupMount* CgroupMounts::find(Hierarchy hierarchy) const {
  for (const CgroupMount& mount : mounts_) {
    if (std::ranges::find(mount.hierarchies, hierarchy) != mount.hierarchies.end()) return &mount;
  }
  return nullptr;
}

CgroupLayout CgroupMounts::layout() const {
  const bool v2 = find(Hierarchy::kUnified) != nullptr;
  const bool v1 = mounts_.size() > (v2 ? 1U : 0U);
  if (v1 && v2) return CgroupLayout::kHybrid;
  if (v1) return CgroupLayout::kV1;
  return v2 ? CgroupLayout::kV2 : CgroupLayout::kNone;
}

std::string CgroupMounts::directory(Hierarchy hierarchy, std::string_view cgroup_path) const {
  const CgroupMount* mount = find(hierarchy);
  if (mount == nullptr) return "";
  if (mount->root == "/") return mount->directory + std::string(cgroup_path);
  if (!is_below(cgroup_path, mount->root)) return "";
  return mount->directory + std::string(cgroup_path.substr(mount->root.size()));
}

CgroupMounts choose_cgroup_mounts(std::span<const MountEntry> entries, std::string_view proc_cgroup,
                                  const HostRoots& roots) {
  std::vector<Candidate> candidates;
  for (const MountEntry& entry : entries) {
    if (auto candidate = candidate_of(entry, roots)) candidates.push_back(std::move(*candidate));
  }
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.mount.root.size() < b.mount.root.size();
  });
  std::vector<CgroupMount> chosen;
  for (Candidate& candidate : candidates) {
    const CgroupMounts so_far(chosen);
    if (so_far.find(candidate.mount.hierarchies.front()) != nullptr) continue;
    if (!candidate.mount.kernel_number) {
      candidate.mount.kernel_number =
          kernel_number_of(hierarchy_name(candidate.mount.hierarchies.front()), proc_cgroup);
    }
    chosen.push_back(std::move(candidate.mount));
  }
  return CgroupMounts(std::move(chosen));
}

Result<CgroupMounts> read_cgroup_mounts(const HostRoots& roots) {
  const std::string path = roots.procfs + "/self/mountinfo";
  const Result<std::string> mountinfo = read_file(path);
  if (!mountinfo) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}; --path.procfs={} must name the host's /proc",
                                                     mountinfo.error().message, roots.procfs));
  }
  // Without it only the mapping of kernel events to hierarchies is lost.
  const std::string proc_cgroup = read_file(roots.procfs + "/self/cgroup").value_or("");
  return choose_cgroup_mounts(parse_mountinfo(*mountinfo), proc_cgroup, roots);
}

}  // namespace sonde::identity
