#pragma once

namespace sonde::test {

/// Whether this kernel and processor take 32-bit system calls (int 0x80) from a 64-bit process.
bool takes_compat_calls();

/// From this 64-bit process by the 32-bit door: mmap2 and munmap of one page.
void compat_map_and_unmap();
/// The old mmap, whose arguments lie in memory. It maps nothing: the call is what counts.
void compat_old_mmap();
/// open, creat, openat and openat2 of /dev/null, then open of a missing file. Closes what it opened.
void compat_open_five_files();

/// Calls whose numbers mean mmap or open at the other door, not at the one they go through.
void calls_of_the_other_table();

}  // namespace sonde::test
