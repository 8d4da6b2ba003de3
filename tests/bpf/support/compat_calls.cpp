#include "tests/bpf/support/compat_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <new>

namespace sonde::test {
namespace {

// arch/x86/entry/syscalls/syscall_32.tbl
enum CompatCall : long {
  kOpen = 5,
  kClose = 6,
  kCreat = 8,
  kLink = 9,
  kGetppid = 64,
  kReadlink = 85,
  kOldMmap = 90,
  kMunmap = 91,
  kMmap2 = 192,
  kRemapFilePages = 257,
  kOpenat = 295,
  kOpenat2 = 437,
};

/// Strings and structs where 32-bit pointers reach.
struct LowMemory {
  char present[16] = "/dev/null";
  char missing[16] = "/nonexistent/x";
  open_how how{};
};

const LowMemory& low() {
  static LowMemory* memory = [] {
    void* page = ::mmap(nullptr, sizeof(LowMemory), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_POPULATE, -1, 0);
    return new (page) LowMemory;
  }();
  return *memory;
}

/// int 0x80. Its result is a 32-bit errno or value.
int call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long result = 0;
  // The kernel clobbers r8 to r11 on this way.
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(result);
}

long pointer(const void* low_address) {
  return static_cast<long>(reinterpret_cast<uintptr_t>(low_address));
}

}  // namespace

bool takes_compat_calls() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(call(kGetppid) > 0 ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void compat_map_and_unmap() {
  constexpr long kLength = 4096;
  const int address = call(kMmap2, 0, kLength, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  call(kMunmap, static_cast<long>(static_cast<uint32_t>(address)), kLength);
}

void compat_old_mmap() {
  call(kOldMmap, 0);
}

void compat_open_five_files() {
  call(kClose, call(kOpen, pointer(low().present), O_RDONLY));
  call(kClose, call(kCreat, pointer(low().present), 0600));
  call(kClose, call(kOpenat, AT_FDCWD, pointer(low().present), O_RDONLY));
  call(kClose, call(kOpenat2, AT_FDCWD, pointer(low().present), pointer(&low().how), sizeof(open_how)));
  call(kOpen, pointer(low().missing), O_RDONLY);
}

void calls_of_the_other_table() {
  // 64-bit mmap, open, openat by number, at the 32-bit door: link, fork (left out), remap_file_pages; creat:
  // readlink.
  call(kLink, 0, 0);
  call(kRemapFilePages, 0, 0, 1);
  call(kReadlink, 0, 0, 0);
  // 32-bit open, creat, old mmap, mmap2, openat by number, at the 64-bit door.
  ::syscall(SYS_fstat, -1, nullptr);                       // 5
  ::syscall(SYS_lseek, -1, 0, 0);                          // 8
  ::syscall(SYS_chmod, nullptr, 0);                        // 90
  ::syscall(SYS_lgetxattr, nullptr, nullptr, nullptr, 0);  // 192
  ::syscall(SYS_preadv, -1, nullptr, 0, 0);                // 295
}

}  // namespace sonde::test
