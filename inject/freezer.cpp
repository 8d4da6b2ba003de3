#include "inject/freezer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "inject/cgroup_accounts.h"

namespace sonde::inject {
namespace {

constexpr size_t kLargestText = 4096;  // of these files' few words

/// Of a file of the cgroup that could not be opened, read or written.
tl::unexpected<Error> switch_error(const CgroupFolder& folder, std::string_view what) {
  const bool gone = errno == ENOENT || errno == ENODEV;
  return fail(gone ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
              fmt::format("cannot {} in {}: {}", what, folder.path.string(),
                          gone ? "the cgroup is gone" : std::strerror(errno)));
}

uint64_t inode_of(const FileDescriptor& directory) {
  struct stat status{};
  return fstat(directory.get(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

Result<Freezer> Freezer::find(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "freezer", "cgroup.freeze");
  if (folder == nullptr) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("'{}' has no freezer; make it in v1's freezer hierarchy or in cgroup v2", target.path()));
  }
  return open(*folder);
}

Result<Freezer> Freezer::find_again(std::string_view cgroup, const std::string& mark,
                                    std::span<const identity::MountEntry> mounts) {
  std::istringstream words(mark);
  std::string hierarchy;
  uint64_t inode = 0;
  if (!(words >> hierarchy >> inode)) return fail(ErrorCode::kInvalid, mark + ": marks no freezer");
  const auto folder = find_folder(cgroup, hierarchy, mounts);
  if (!folder) return tl::unexpected(folder.error());
  auto freezer = open(*folder);
  if (freezer && inode_of(freezer->directory_) != inode) {
    return fail(ErrorCode::kNotFound, folder->path.string() + " is another cgroup now");
  }
  return freezer;
}

Result<Freezer> Freezer::open(const CgroupFolder& folder) {
  Freezer freezer;
  freezer.folder_ = folder;
  freezer.directory_.reset(::open(folder.path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!freezer.directory_) return switch_error(folder, "look");
  return freezer;
}

std::string Freezer::mark() const {
  return fmt::format("{} {}", folder_.hierarchy, inode_of(directory_));
}

Result<void> Freezer::set_frozen(bool frozen) const {
  const char* name = folder_.unified ? "cgroup.freeze" : "freezer.state";
  const std::string_view v1 = frozen ? "FROZEN" : "THAWED";
  const std::string_view v2 = frozen ? "1" : "0";
  const std::string_view word = folder_.unified ? v2 : v1;
  const FileDescriptor file(openat(directory_.get(), name, O_WRONLY | O_CLOEXEC));
  if (file && write(file.get(), word.data(), word.size()) == static_cast<ssize_t>(word.size())) return {};
  return switch_error(folder_, fmt::format("write {} to {}", word, name));
}

Result<std::string> Freezer::read_text(const char* name) const {
  const FileDescriptor file(openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
  std::array<char, kLargestText> text{};
  const ssize_t size = file ? read(file.get(), text.data(), text.size()) : -1;
  if (size < 0) return switch_error(folder_, fmt::format("read {}", name));
  return std::string(text.data(), static_cast<size_t>(size));
}

Result<bool> Freezer::is_frozen() const {
  const auto text = read_text(folder_.unified ? "cgroup.events" : "freezer.state");
  if (!text) return tl::unexpected(text.error());
  return text->find(folder_.unified ? "frozen 1" : "FROZEN") != std::string::npos;
}

Result<bool> Freezer::is_asked_for() const {
  const auto own = read_text(folder_.unified ? "cgroup.freeze" : "freezer.state");
  if (!own) return tl::unexpected(own.error());
  if (!folder_.unified) return !own->starts_with("THAWED");
  if (own->starts_with("1")) return true;
  return is_frozen();  // by one above it
}

}  // namespace sonde::inject
