#pragma once

namespace sonde::test {

/// Opens a file through io_uring and closes it if that worked. The process's ring is made at the first call,
/// and kept.
void uring_open(const char* path);

}  // namespace sonde::test
