#include "analyzer/models/model_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "common/file_descriptor.h"

namespace sonde::analyzer {
namespace {

constexpr std::string_view kPrefix = "model-";
constexpr std::string_view kSuffix = ".sonde";
constexpr const char* kTemporary = ".model.tmp";  ///< one: writers of a folder take turns

tl::unexpected<Error> fail_errno(const std::string& path, int reason, std::string_view remedy) {
  const ErrorCode code = reason == EACCES || reason == EPERM || reason == EROFS ? ErrorCode::kPermission
                         : reason == ENOENT || reason == ENOTDIR                ? ErrorCode::kNotFound
                                                                                : ErrorCode::kUnavailable;
  return fail(code, fmt::format("{}: {}; {}", path, std::generic_category().message(reason), remedy));
}

std::optional<uint64_t> generation_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name = name.substr(kPrefix.size(), name.size() - std::min(name.size(), kPrefix.size() + kSuffix.size()));
  uint64_t generation = 0;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), generation);
  const bool whole = code == std::errc() && end == name.data() + name.size();
  return whole && generation < UINT64_MAX ? std::optional(generation) : std::nullopt;
}

Result<void> write_all(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(path, errno, "make room or name another folder");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

/// The bytes of a model file. Errors: in words, without its name.
Result<std::string> read_model_file(const std::string& path) {
  // Whoever may write the folder could put a pipe there, or a link to anywhere.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return fail(ErrorCode::kPermission, "cannot be read: " + std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::kInvalid, "is no file");
  if (static_cast<uint64_t>(status.st_size) > kMostModelBytes) {
    return fail(ErrorCode::kLimit,
                fmt::format("is larger than a model may be, {} MB", kMostModelBytes >> 20));
  }
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  size_t known = 0;
  while (known < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + known, bytes.size() - known);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(ErrorCode::kUnavailable, "cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    known += static_cast<size_t>(got);
  }
  bytes.resize(known);
  return bytes;
}

Result<Model> read_model(const std::string& path) {
  const Result<std::string> bytes = read_model_file(path);
  return bytes ? decode_model(*bytes) : Result<Model>(tl::unexpected(bytes.error()));
}

/// Removes what lies behind the generations that are kept beside a new one. REQUIRES: the newest first.
void remove_old(const std::vector<ModelFile>& files) {
  size_t usable = 0;
  for (const ModelFile& file : files) {
    if (usable + 1 >= kKeptGenerations) {
      ::unlink(file.path.c_str());
    } else if (read_model(file.path)) {
      ++usable;
    }
  }
}

/// The folder, made where it is missing, and locked until it is closed.
Result<FileDescriptor> locked_folder(const std::string& folder) {
  std::error_code made;
  std::filesystem::create_directories(folder, made);  // what went wrong the next call tells
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(folder, made ? made.value() : errno, "name a folder that can be written");
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno(folder, errno, "name a folder of a local file system");
  }
  return fd;
}

}  // namespace

Result<std::vector<ModelFile>> list_models(const std::string& folder) {
  std::error_code code;
  std::filesystem::directory_iterator entries(folder, code);
  if (code) return fail_errno(folder, code.value(), "name the folder that `sonde-analyzer train` wrote to");
  std::vector<ModelFile> files;
  for (const std::filesystem::directory_iterator end; !code && entries != end; entries.increment(code)) {
    const std::optional<uint64_t> generation = generation_of(entries->path().filename().string());
    struct stat status{};
    if (!generation || ::lstat(entries->path().c_str(), &status) != 0) continue;
    files.push_back({entries->path().string(), *generation, status.st_ino,
                     status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_size});
  }
  std::ranges::sort(files, std::greater<>(),
                    [](const ModelFile& file) { return std::pair(file.generation, file.path); });
  return files;
}

Result<std::string> save_model(const std::string& folder, const Model& model) {
  const std::string bytes = encode_model(model);
  const Result<FileDescriptor> locked = locked_folder(folder);
  if (!locked) return tl::unexpected(locked.error());
  const Result<std::vector<ModelFile>> known = list_models(folder);
  if (!known) return tl::unexpected(known.error());
  const uint64_t generation = known->empty() ? 1 : known->front().generation + 1;
  const std::string name = fmt::format("{}{:06}{}", kPrefix, generation, kSuffix);
  std::string path = folder + "/" + name;

  ::unlinkat(locked->get(), kTemporary, 0);  // of a writer that was killed
  FileDescriptor file(
      ::openat(locked->get(), kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return fail_errno(folder, errno, "name a folder that can be written");
  if (const Result<void> written = write_all(file.get(), bytes, folder); !written) {
    ::unlinkat(locked->get(), kTemporary, 0);
    return tl::unexpected(written.error());
  }
  // Its bytes reach the disk before its name does, and the name before anyone is told of it.
  if (::fsync(file.get()) != 0 || ::renameat(locked->get(), kTemporary, locked->get(), name.c_str()) != 0 ||
      ::fsync(locked->get()) != 0) {
    const int reason = errno;
    ::unlinkat(locked->get(), kTemporary, 0);
    return fail_errno(path, reason, "make room or name another folder");
  }
  remove_old(*known);
  return path;
}

Result<StoredModel> load_model(const std::string& folder, const ModelObjection& objection) {
  const Result<std::vector<ModelFile>> files = list_models(folder);
  if (!files) return tl::unexpected(files.error());
  StoredModel stored;
  for (const ModelFile& file : *files) {
    Result<Model> model = read_model(file.path);
    const std::string reason = model ? (objection ? objection(*model) : "") : model.error().message;
    if (reason.empty()) {
      stored.model = std::make_shared<const Model>(std::move(*model));
      stored.file = file.path;
      stored.generation = file.generation;
      break;
    }
    stored.refused.push_back(file.path + ": " + reason);
  }
  return stored;
}

}  // namespace sonde::analyzer
