#include "common/read_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/file_descriptor.h"

namespace sonde {
namespace {

constexpr size_t kPart = size_t{64} << 10;

tl::unexpected<Error> unreadable(int reason) {
  const ErrorCode code = reason == EACCES ? ErrorCode::kPermission : ErrorCode::kNotFound;
  return fail(code, fmt::format("{}; name a file that exists and can be read",
                                std::generic_category().message(reason)));
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t longest) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return unreadable(errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(ErrorCode::kInvalid, "not a regular file; name one, no directory or pipe");
  }
  std::string text;
  size_t size = 0;
  while (size <= longest) {
    // Room for a part more, not for the longest at once: most files are far shorter.
    if (size == text.size()) text.resize(std::min(longest + 1, size + kPart));
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(errno);
    if (count == 0) break;
    size += static_cast<size_t>(count);
  }
  if (size > longest) {
    return fail(ErrorCode::kLimit, fmt::format("longer than {} bytes; name the right file", longest));
  }
  text.resize(size);
  return text;
}

}  // namespace sonde
