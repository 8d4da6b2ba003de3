#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>

namespace sonde::http {

/// What tells one state of a file from another without reading it.
struct FileStamp {
  /// Of the file that the path leads to now; all zero where there is none.
  explicit FileStamp(std::string file) : path(std::move(file)) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return;
    device = status.st_dev;
    inode = status.st_ino;
    size = status.st_size;
    modified_seconds = status.st_mtim.tv_sec;
    modified_nanoseconds = status.st_mtim.tv_nsec;
    changed_seconds = status.st_ctim.tv_sec;
    changed_nanoseconds = status.st_ctim.tv_nsec;
  }
  bool operator==(const FileStamp&) const = default;

  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  time_t modified_seconds = 0;
  int64_t modified_nanoseconds = 0;
  time_t changed_seconds = 0;  ///< of content, name or rights; nobody can set it
  int64_t changed_nanoseconds = 0;
};

}  // namespace sonde::http
