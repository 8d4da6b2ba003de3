#pragma once

#include <cstdint>
#include <memory>

#include "exporter/flows/flow_programs.h"

struct count_datagrams_bpf;  // NOLINT(readability-identifier-naming): bpftool names it

namespace sonde::test {

/// A pair of programs for tc that count datagrams to port 9999 by interface. Needs root.
class CountingPrograms {
 public:
  CountingPrograms();

  [[nodiscard]] exporter::FlowProgramDescriptors descriptors() const;
  /// Datagrams that from_container has seen at an interface, by its index.
  [[nodiscard]] uint64_t sent(uint32_t interface) const;
  /// Those that to_container has seen.
  [[nodiscard]] uint64_t received(uint32_t interface) const;

 private:
  struct Destroy {
    void operator()(count_datagrams_bpf* skeleton) const;
  };
  std::unique_ptr<count_datagrams_bpf, Destroy> skeleton_;
};

}  // namespace sonde::test
