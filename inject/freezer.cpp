#include "inject/freezer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/file_descriptor.h"
#include "inject/cgroup_accounts.h"

namespace sonde::inject {
namespace {

Result<std::string> read_word(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string word;
  if (file >> word) return word;
  return fail(ErrorCode::kNotFound, fmt::format("cannot read {}: the cgroup is gone", path.string()));
}

}  // namespace

Result<Freezer> Freezer::find(const CgroupTarget& target) {
  const auto* folder = folder_with(target, "freezer", "cgroup.freeze");
  if (folder == nullptr) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("'{}' has no freezer; make it in v1's freezer hierarchy or in cgroup v2", target.path()));
  }
  Freezer freezer;
  freezer.folder_ = *folder;
  return freezer;
}

Result<void> Freezer::set_frozen(bool frozen) const {
  const auto path = folder_.path / (folder_.unified ? "cgroup.freeze" : "freezer.state");
  const std::string_view v1 = frozen ? "FROZEN" : "THAWED";
  const std::string_view v2 = frozen ? "1" : "0";
  const std::string_view word = folder_.unified ? v2 : v1;
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && write(file.get(), word.data(), word.size()) == static_cast<ssize_t>(word.size())) return {};
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot write {} to {}: {}", word, path.string(), std::strerror(errno)));
}

Result<bool> Freezer::is_frozen() const {
  if (!folder_.unified) {
    const auto state = read_word(folder_.path / "freezer.state");
    if (!state) return tl::unexpected(state.error());
    return *state == "FROZEN";
  }
  std::ifstream file(folder_.path / "cgroup.events");
  std::string key;
  for (int value = 0; file >> key >> value;) {
    if (key == "frozen") return value == 1;
  }
  return fail(ErrorCode::kNotFound, fmt::format("cannot read {}: the cgroup is gone", folder_.path.string()));
}

Result<bool> Freezer::is_asked_for() const {
  if (!folder_.unified) {
    const auto state = read_word(folder_.path / "freezer.state");
    if (!state) return tl::unexpected(state.error());
    return *state != "THAWED";
  }
  const auto own = read_word(folder_.path / "cgroup.freeze");
  if (!own) return tl::unexpected(own.error());
  if (*own == "1") return true;
  return is_frozen();  // by one above it
}

}  // namespace sonde::inject
