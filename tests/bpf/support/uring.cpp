#include "tests/bpf/support/uring.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace sonde::test {
namespace {

/// One submission queue entry at a time, as io_uring(7) describes it; no liburing needed for that.
class Ring {
 public:
  Ring() {
    io_uring_params parameters{};
    descriptor_ = static_cast<int>(::syscall(SYS_io_uring_setup, 4, &parameters));
    if (descriptor_ < 0) std::abort();
    char* submissions =
        map(parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    char* completions =
        map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ =
        reinterpret_cast<io_uring_sqe*>(map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    submit_tail_ = reinterpret_cast<uint32_t*>(submissions + parameters.sq_off.tail);
    submit_mask_ = *reinterpret_cast<uint32_t*>(submissions + parameters.sq_off.ring_mask);
    submit_order_ = reinterpret_cast<uint32_t*>(submissions + parameters.sq_off.array);
    complete_head_ = reinterpret_cast<uint32_t*>(completions + parameters.cq_off.head);
    complete_mask_ = *reinterpret_cast<uint32_t*>(completions + parameters.cq_off.ring_mask);
    results_ = reinterpret_cast<io_uring_cqe*>(completions + parameters.cq_off.cqes);
  }

  /// Submits one openat and returns its result: a descriptor or a negative errno.
  int open(const char* path) {
    const uint32_t slot = *submit_tail_ & submit_mask_;
    std::memset(&entries_[slot], 0, sizeof(io_uring_sqe));
    entries_[slot].opcode = IORING_OP_OPENAT;
    entries_[slot].fd = AT_FDCWD;
    entries_[slot].addr = reinterpret_cast<uint64_t>(path);
    entries_[slot].open_flags = O_RDONLY;
    submit_order_[slot] = slot;
    std::atomic_ref(*submit_tail_).store(*submit_tail_ + 1, std::memory_order_release);
    if (::syscall(SYS_io_uring_enter, descriptor_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1)
      std::abort();
    const int result = results_[*complete_head_ & complete_mask_].res;
    std::atomic_ref(*complete_head_).store(*complete_head_ + 1, std::memory_order_release);
    return result;
  }

 private:
  char* map(size_t size, uint64_t offset) const {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor_,
                          static_cast<off_t>(offset));
    if (memory == MAP_FAILED) std::abort();
    return static_cast<char*>(memory);
  }

  int descriptor_;
  io_uring_sqe* entries_;
  uint32_t* submit_tail_;
  uint32_t submit_mask_;
  uint32_t* submit_order_;
  uint32_t* complete_head_;
  uint32_t complete_mask_;
  io_uring_cqe* results_;
};

}  // namespace

void uring_open(const char* path) {
  static Ring ring;
  const int descriptor = ring.open(path);
  if (descriptor >= 0) ::close(descriptor);
}

}  // namespace sonde::test
