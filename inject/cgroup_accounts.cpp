#include "inject/cgroup_accounts.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kNoMemoryLimit = uint64_t(1) << 62U;  // v1 writes the largest multiple of a page

std::optional<uint64_t> read_number(const fs::path& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;  // "max" is none
}

/// The value after a key, as in memory.stat.
std::optional<uint64_t> read_key(const fs::path& path, std::string_view wanted) {
  std::ifstream file(path);
  std::string key;
  for (uint64_t value = 0; file >> key >> value;) {
    if (key == wanted) return value;
  }
  return std::nullopt;
}

bool lists(const std::string& controllers, std::string_view wanted) {
  std::istringstream words(controllers);
  for (std::string word; std::getline(words, word, ',');) {
    if (word == wanted) return true;
  }
  return false;
}

/// The cgroup's folder and those above it, as far as there are folders of cgroups.
template <class Visit>
void each_level(fs::path folder, Visit visit) {
  std::error_code ignored;
  for (; fs::exists(folder / "cgroup.procs", ignored); folder = folder.parent_path()) visit(folder);
}

/// A v1 line is "8:0 Read 4096", a v2 line "8:0 rbytes=4096 wbytes=0 …".
void add_line(const std::string& line, IoBytes& bytes) {
  std::istringstream words(line);
  std::string device;
  words >> device;
  std::string word;
  while (words >> word) {
    if (word.starts_with("rbytes=")) bytes.read += std::stoull(word.substr(7));
    if (word.starts_with("wbytes=")) bytes.written += std::stoull(word.substr(7));
    uint64_t value = 0;
    if ((word == "Read" || word == "Write") && words >> value)
      (word == "Read" ? bytes.read : bytes.written) += value;
  }
}

}  // namespace

const CgroupFolder* folder_with(const CgroupTarget& target, std::string_view controller,
                                std::string_view file) {
  for (const auto& folder : target.folders()) {
    if (!folder.unified && lists(folder.hierarchy, controller)) return &folder;
  }
  for (const auto& folder : target.folders()) {
    std::error_code ignored;
    if (folder.unified && fs::exists(folder.path / file, ignored)) return &folder;
  }
  return nullptr;
}

std::optional<uint64_t> memory_usage_bytes(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "memory", "memory.current");
  if (folder == nullptr) return std::nullopt;
  return read_number(folder->path / (folder->unified ? "memory.current" : "memory.usage_in_bytes"));
}

std::optional<uint64_t> memory_limit_bytes(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "memory", "memory.current");
  if (folder == nullptr) return std::nullopt;
  std::optional<uint64_t> tightest;
  each_level(folder->path, [&](const fs::path& level) {
    const auto limit = read_number(level / (folder->unified ? "memory.max" : "memory.limit_in_bytes"));
    if (limit && *limit < kNoMemoryLimit && (!tightest || *limit < *tightest)) tightest = limit;
  });
  return tightest;
}

std::optional<uint64_t> oom_kills(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "memory", "memory.current");
  if (folder == nullptr) return std::nullopt;
  return read_key(folder->path / (folder->unified ? "memory.events" : "memory.oom_control"), "oom_kill");
}

std::optional<uint64_t> task_count(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "pids", "pids.current");
  return folder == nullptr ? std::nullopt : read_number(folder->path / "pids.current");
}

TaskRoom task_room(const CgroupTarget& target) {
  TaskRoom room;
  const auto* folder = folder_with(target, "pids", "pids.current");
  if (folder == nullptr) return room;
  each_level(folder->path, [&](const fs::path& level) {
    const auto most = read_number(level / "pids.max");
    const auto now = read_number(level / "pids.current");
    if (!most || !now) return;
    const uint64_t left = *most > *now ? *most - *now : 0;
    auto& tightest = level == folder->path ? room.own : room.above;
    if (!tightest || left < *tightest) tightest = left;
  });
  return room;
}

std::optional<IoBytes> io_bytes(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "blkio", "io.stat");
  if (folder == nullptr) return std::nullopt;
  std::ifstream file(folder->path / (folder->unified ? "io.stat" : "blkio.throttle.io_service_bytes"));
  if (!file) return std::nullopt;
  IoBytes bytes;
  for (std::string line; std::getline(file, line);) add_line(line, bytes);
  return bytes;
}

}  // namespace sonde::inject
