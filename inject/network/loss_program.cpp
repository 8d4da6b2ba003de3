#include "inject/network/loss_program.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "bpf/packet_loss.skel.h"

namespace sonde::inject {
namespace {

constexpr double kRandomNumbers = 4294967296.0;  // 2^32

/// The kernel writes behind the compiler's back.
uint64_t read_now(const __u64& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

}  // namespace

void LossProgram::Destroy::operator()(packet_loss_bpf* skeleton) const {
  packet_loss_bpf__destroy(skeleton);
}

Result<LossProgram> LossProgram::load() {
  libbpf_set_print(nullptr);  // what it has to say is in errno
  packet_loss_bpf* const skeleton = packet_loss_bpf__open_and_load();
  if (skeleton != nullptr) return LossProgram(skeleton);
  return fail(
      errno == EPERM || errno == EACCES ? ErrorCode::kPermission : ErrorCode::kUnsupported,
      fmt::format(
          "the program that loses packets cannot be loaded: {}; it needs CAP_BPF and CAP_NET_ADMIN, or a "
          "kernel with netem",
          std::strerror(errno)));
}

void LossProgram::set_ratio(double ratio) {
  const auto below = static_cast<__u64>(std::llround(std::clamp(ratio, 0.0, 1.0) * kRandomNumbers));
  __atomic_store_n(&skeleton_->bss->lost_below, below, __ATOMIC_RELAXED);
}

LossCounts LossProgram::counts() const {
  return {read_now(skeleton_->bss->packets_seen), read_now(skeleton_->bss->packets_lost)};
}

int LossProgram::descriptor() const {
  return bpf_program__fd(skeleton_->progs.lose);
}

}  // namespace sonde::inject
