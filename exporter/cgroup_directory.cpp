#include "exporter/cgroup_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/file_descriptor.h"

namespace sonde::exporter {

bool has_process(const std::string& directory) {
  char first = 0;
  for (const char* const file : {"/cgroup.procs", "/cgroup.threads"}) {
    const FileDescriptor descriptor(open((directory + file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor) return false;
    const ssize_t size = read(descriptor.get(), &first, 1);
    if (size >= 0) return size == 1;
    if (errno != EOPNOTSUPP) return false;  // else a threaded cgroup, whose processes are in one above it
  }
  return false;
}

bool is_gone(const std::string& directory, uint64_t id) {
  struct stat status{};
  if (stat(directory.c_str(), &status) == 0) return status.st_ino != id;
  return errno == ENOENT || errno == ENOTDIR || errno == ENODEV;
}

}  // namespace sonde::exporter
