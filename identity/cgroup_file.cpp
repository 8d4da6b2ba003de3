#include "identity/cgroup_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sonde::identity {
namespace {

constexpr size_t kFirstRead = 8192;  // memory.stat has 1.5 to 4 kB
constexpr size_t kLargestFile = size_t{16} << 20;

tl::unexpected<Error> failure(const std::string& path, int error) {
  // A removed cgroup's open files answer ENODEV, a vanished process's ESRCH.
  const bool gone = error == ENOENT || error == ENODEV || error == ESRCH || error == ENOTDIR;
  const bool forbidden = error == EACCES || error == EPERM;
  return fail(gone        ? ErrorCode::kNotFound
              : forbidden ? ErrorCode::kPermission
                          : ErrorCode::kUnavailable,
              fmt::format("{}: {}", path, strerrordesc_np(error)));
}

/// Fills the buffer from the start of the file; returns the length, or -errno.
ssize_t read_all(int descriptor, std::string& buffer, size_t most) {
  most = std::min(most, kLargestFile);
  size_t length = 0;
  for (;;) {
    if (buffer.size() - length == 0) buffer.resize(std::max(kFirstRead, 2 * buffer.size()));
    const size_t wanted = std::min(buffer.size(), most) - length;
    if (wanted == 0) return static_cast<ssize_t>(length);
    const ssize_t got = pread(descriptor, buffer.data() + length, wanted, static_cast<off_t>(length));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    length += static_cast<size_t>(got);
    // A short read is the end: these files are made up whole at the first read.
    if (static_cast<size_t>(got) < wanted) return static_cast<ssize_t>(length);
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure(path, errno);
  std::string content;
  size_t length = 0;
  // /proc gives out some files (mountinfo) a page at a time, so a short read is not the end there.
  for (;;) {
    if (content.size() - length < kFirstRead) content.resize(length + 2 * kFirstRead);
    const ssize_t got = ::read(descriptor, content.data() + length, content.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      ::close(descriptor);
      return failure(path, error);
    }
    length += static_cast<size_t>(got);
    if (got == 0 || length >= kLargestFile) break;
  }
  ::close(descriptor);
  content.resize(length);
  return content;
}

KeptFile::KeptFile(KeptFile&& other) noexcept
    : path_(std::move(other.path_)),
      budget_(other.budget_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      was_read_(other.was_read_) {}

KeptFile& KeptFile::operator=(KeptFile&& other) noexcept {
  if (this != &other) {
    close();
    path_ = std::move(other.path_);
    budget_ = other.budget_;
    descriptor_ = std::exchange(other.descriptor_, -1);
    was_read_ = other.was_read_;
  }
  return *this;
}

Result<std::string_view> KeptFile::read(std::string& buffer, size_t most) {
  const bool kept = descriptor_ >= 0;
  const int descriptor = kept ? descriptor_ : open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failure(path_, errno);
  const ssize_t length = read_all(descriptor, buffer, most);
  if (length < 0) {
    if (kept) {
      close();
    } else {
      ::close(descriptor);
    }
    return failure(path_, static_cast<int>(-length));
  }
  was_read_ = true;
  if (!kept && budget_->take()) {
    descriptor_ = descriptor;
  } else if (!kept) {
    ::close(descriptor);
  }
  return std::string_view(buffer.data(), static_cast<size_t>(length));
}

void KeptFile::close() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  descriptor_ = -1;
  budget_->give_back();
}

}  // namespace sonde::identity
