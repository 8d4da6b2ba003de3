#include "analyzer/evaluation/text_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace sonde::analyzer {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

Error open_error(const std::string& path) {
  const ErrorCode code = errno == EACCES ? ErrorCode::kPermission : ErrorCode::kNotFound;
  return {code, fmt::format("{}: {}", path, std::strerror(errno))};
}

}  // namespace

Result<std::string> read_text_file(const std::string& path, size_t most_bytes) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return tl::unexpected(open_error(path));
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::kInvalid, path + ": is a folder, a file is expected");
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) return tl::unexpected(open_error(path));
  std::string text;
  std::array<char, 256 * 1024> block;
  for (;;) {
    const int read = gzread(file.get(), block.data(), block.size());
    int code = Z_OK;
    const char* const words = gzerror(file.get(), &code);
    // A file that ends within its gzip stream reads as its end, with an error beside it.
    if (read < 0 || (read == 0 && code != Z_OK && code != Z_STREAM_END)) {
      return fail(ErrorCode::kInvalid, fmt::format("{}: cannot be unpacked: {}", path,
                                                   code == Z_ERRNO ? std::strerror(errno) : words));
    }
    if (read == 0) return text;
    if (text.size() + static_cast<size_t>(read) > most_bytes) {
      return fail(ErrorCode::kLimit,
                  fmt::format("{}: holds more than {} MB of text; split it", path, most_bytes >> 20));
    }
    text.append(block.data(), static_cast<size_t>(read));
  }
}

}  // namespace sonde::analyzer
