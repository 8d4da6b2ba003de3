#pragma once

#include <cstdint>
#include <memory>

#include "common/result.h"

struct packet_loss_bpf;  // NOLINT(readability-identifier-naming): bpftool names it

namespace sonde::inject {

/// What an interface was to send, and what of it was lost.
struct LossCounts {
  uint64_t seen = 0;
  uint64_t lost = 0;
};

/// The program bpf/packet_loss, loaded; a process that forks shares it with its child. Threads: one.
class LossProgram {
 public:
  /// Errors: kPermission, kUnsupported where the kernel refuses it.
  static Result<LossProgram> load();

  /// From now on this share of the packets is lost. Range: 0 to 1.
  void set_ratio(double ratio);
  [[nodiscard]] LossCounts counts() const;
  [[nodiscard]] int descriptor() const;

 private:
  struct Destroy {
    void operator()(packet_loss_bpf* skeleton) const;
  };
  explicit LossProgram(packet_loss_bpf* skeleton) : skeleton_(skeleton) {}
  std::unique_ptr<packet_loss_bpf, Destroy> skeleton_;
};

}  // namespace sonde::inject
