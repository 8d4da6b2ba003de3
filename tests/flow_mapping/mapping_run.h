#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "exporter/bpf_context.h"
#include "exporter/flows/address.h"
#include "exporter/flows/mapping/mapping_programs.h"
#include "tests/flow_mapping/packets.h"

namespace sonde::exporter {

/// The mapping's programs, run on packets that tests make (BPF_PROG_TEST_RUN); nothing is attached.
class MappingRun : public testing::Test {
 protected:
  /// A test's packets come from a socket, so `options` has to trust such ones. The node has 192.0.2.1 and
  /// fd00::1.
  void load(const MappingOptions& options = {.user_space_tunnels = true});

  /// Gives a packet to a program. Of `segments` > 1 it is a buffer of many (GSO).
  void send(const packets::Bytes& packet, uint32_t segments = 0);
  void receive(const packets::Bytes& packet, uint32_t segments = 0);

  [[nodiscard]] MappingPrograms& programs() { return *programs_; }
  [[nodiscard]] MappingPrograms::Mappings mappings() const;
  /// The one mapping that there is.
  [[nodiscard]] std::pair<mapping_key, mapping_state> only() const;
  [[nodiscard]] MappingPrograms::Paths paths() const;
  /// A count by enum mapping_count; `of`: added to the first of a group.
  [[nodiscard]] uint64_t count(size_t which, size_t of = 0) const {
    return programs_->counts().at(which + of);
  }

  /// "10.1.0.2:40000 > 10.2.0.3:80", from local to remote.
  static std::string ends(const mapping_key& key);
  /// The same of an outer header, with the ports of the direction's packets.
  static std::string outer(const mapping_direction& direction);

 private:
  void run(int program, const packets::Bytes& packet, uint32_t segments);

  CapabilityTable capabilities_;
  std::unique_ptr<BpfContext> context_;
  std::unique_ptr<MappingPrograms> programs_;
};

}  // namespace sonde::exporter
