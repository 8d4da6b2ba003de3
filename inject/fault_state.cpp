#include "inject/fault_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>

#include "common/file_descriptor.h"

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "sonde-fault-state 1";
constexpr std::string_view kPrefix = "fault-";
constexpr std::string_view kSuffix = ".state";
constexpr std::string_view kDraftSuffix = ".state.new";
constexpr size_t kLargestFile = 65536;  // ours have a few hundred bytes

std::string format_process(std::string_view key, const ProcessIdentity& process) {
  return fmt::format("{} {} {}\n", key, process.pid, process.start_ticks);
}

bool read_process(std::istringstream& words, ProcessIdentity& process) {
  return static_cast<bool>(words >> process.pid >> process.start_ticks) && process.pid > 1;
}

bool read_values(const std::string& key, std::istringstream& words, FaultState& state) {
  if (key == "fault") return static_cast<bool>(words >> state.fault);
  if (key == "boot_id") return static_cast<bool>(words >> state.boot_id);
  if (key == "expires_unix_ms") return static_cast<bool>(words >> state.expires_unix_ms);
  if (key == "injector") return read_process(words, state.injector);
  if (key == "watchdog") return read_process(words, state.watchdog);
  if (key == "process") return read_process(words, state.processes.emplace_back());
  return false;
}

/// "KEY VALUE", where the value may hold spaces. False where a part is missing or the key was there before.
bool read_detail(const std::string& text, FaultState& state) {
  const size_t space = text.find(' ');
  if (space == 0 || space == std::string::npos || space + 1 == text.size()) return false;
  return state.details.emplace(text.substr(0, space), text.substr(space + 1)).second;
}

/// One line into the state. False where the key or its values are not ours, or something follows them.
bool read_line(const std::string& line, FaultState& state) {
  constexpr std::string_view kDetail = "detail ";
  if (line.starts_with(kDetail)) return read_detail(line.substr(kDetail.size()), state);
  constexpr std::string_view kCgroup = "cgroup ";
  if (line.starts_with(kCgroup)) {  // may hold spaces
    state.cgroup = line.substr(kCgroup.size());
    return !state.cgroup.empty();
  }
  std::istringstream words(line);
  std::string key;
  words >> key;
  return read_values(key, words, state) && words.eof();
}

tl::unexpected<Error> file_error(const char* what, const fs::path& path) {
  const ErrorCode code = errno == EACCES || errno == EPERM ? ErrorCode::kPermission : ErrorCode::kUnavailable;
  return fail(code, fmt::format("--state-dir: cannot {} {}: {}; name a folder that you may write", what,
                                path.string(), std::strerror(errno)));
}

/// Whose file it is by its name, "fault-PID-TICKS.state"; nothing where it is none of ours.
std::optional<ProcessIdentity> writer_of(std::string_view name, std::string_view suffix) {
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(suffix.size());
  std::istringstream words{std::string(name)};
  ProcessIdentity writer;
  char dash = 0;
  if (!(words >> writer.pid >> dash >> writer.start_ticks) || dash != '-' || !words.eof())
    return std::nullopt;
  return writer;
}

Result<void> write_draft(const fs::path& draft, const std::string& text) {
  const FileDescriptor file(open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return file_error("create", draft);
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return file_error("write", draft);
  }
  return {};
}

}  // namespace

std::string format_state(const FaultState& state) {
  std::string text = fmt::format("{}\nfault {}\ncgroup {}\nboot_id {}\nexpires_unix_ms {}\n", kHeader,
                                 state.fault, state.cgroup, state.boot_id, state.expires_unix_ms);
  text += format_process("injector", state.injector);
  text += format_process("watchdog", state.watchdog);
  for (const auto& process : state.processes) text += format_process("process", process);
  for (const auto& [key, value] : state.details) text += fmt::format("detail {} {}\n", key, value);
  return text;
}

Result<FaultState> parse_state(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) {
    return fail(ErrorCode::kInvalid, fmt::format("line 1 is not '{}'", kHeader));
  }
  FaultState state;
  for (int number = 2; std::getline(lines, line); ++number) {
    if (!read_line(line, state))
      return fail(ErrorCode::kInvalid, fmt::format("line {} is malformed", number));
  }
  if (state.fault.empty() || state.cgroup.empty() || state.boot_id.empty() || state.expires_unix_ms == 0 ||
      state.injector.pid == 0 || state.watchdog.pid == 0) {
    return fail(ErrorCode::kInvalid,
                "fault, cgroup, boot_id, expires_unix_ms, injector or watchdog is missing");
  }
  return state;
}

fs::path state_path(const fs::path& folder, const ProcessIdentity& injector) {
  return folder / fmt::format("{}{}-{}{}", kPrefix, injector.pid, injector.start_ticks, kSuffix);
}

Result<void> write_state(const fs::path& path, const FaultState& state) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) {
    errno = error.value();
    return file_error("make the folder", path.parent_path());
  }
  const fs::path draft = path.string() + ".new";
  auto written = write_draft(draft, format_state(state));
  // A second name refuses to take another file's place, which rename() does not.
  if (written && link(draft.c_str(), path.c_str()) != 0) {
    written = errno == EEXIST
                  ? fail(ErrorCode::kUnavailable,
                         fmt::format("--state-dir: {} notes another fault; run sonde-inject undo first",
                                     path.string()))
                  : file_error("publish", path);
  }
  unlink(draft.c_str());
  return written;
}

void remove_abandoned_drafts(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto writer = writer_of(entry.path().filename().string(), kDraftSuffix);
    std::error_code ignored;
    if (writer && !is_running(*writer)) fs::remove(entry.path(), ignored);
  }
}

Result<FaultState> read_state(const fs::path& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat info{};
  if (!file || fstat(file.get(), &info) != 0) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  }
  if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(ErrorCode::kPermission,
                fmt::format("{}: others may have written it, so its processes are not touched; delete it",
                            path.string()));
  }
  std::string text(kLargestFile, '\0');
  const ssize_t size = read(file.get(), text.data(), text.size());
  text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  auto state = parse_state(text);
  if (!state) return fail(path.string(), state.error());
  return state;
}

std::vector<fs::path> list_states(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

}  // namespace sonde::inject
