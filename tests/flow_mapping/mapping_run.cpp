#include "tests/flow_mapping/mapping_run.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cerrno>

#include "exporter/flows/address.h"

namespace sonde::exporter {
namespace {

constexpr size_t kShortest = 14 + 40;

}  // namespace

void MappingRun::load(const MappingOptions& options) {
  programs_.reset();  // it uses the context
  context_ = std::make_unique<BpfContext>(BpfOptions{}, capabilities_);
  auto loaded = MappingPrograms::load(*context_, options);
  ASSERT_TRUE(loaded) << loaded.error().message;
  programs_ = std::move(*loaded);
  for (const char* const own : {"192.0.2.1", "fd00::1"}) {
    ASSERT_TRUE(programs_->set_own_address(*parse_address(own), true));
  }
}

void MappingRun::run(int program, const packets::Bytes& packet, uint32_t segments) {
  __sk_buff context{};
  context.gso_segs = segments;
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<uint32_t>(packet.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  options.repeat = 1;
  const int status = bpf_prog_test_run_opts(program, &options);
  // The kernel makes no buffer of less than an Ethernet and an IP header; no program sees such a one here.
  if (packet.size() < kShortest && status == -EINVAL) return;
  ASSERT_EQ(status, 0) << errno;
  ASSERT_EQ(static_cast<int>(options.retval), TC_ACT_UNSPEC);
}

void MappingRun::send(const packets::Bytes& packet, uint32_t segments) {
  run(programs_->to_underlay(), packet, segments);
}

void MappingRun::receive(const packets::Bytes& packet, uint32_t segments) {
  run(programs_->from_underlay(), packet, segments);
}

MappingPrograms::Mappings MappingRun::mappings() const {
  const auto read = programs_->mappings();
  EXPECT_TRUE(read);
  return read ? *read : MappingPrograms::Mappings();
}

std::pair<mapping_key, mapping_state> MappingRun::only() const {
  const auto all = mappings();
  EXPECT_EQ(all.size(), 1U);
  return all.empty() ? std::pair<mapping_key, mapping_state>() : all[0];
}

MappingPrograms::Paths MappingRun::paths() const {
  const auto read = programs_->paths();
  EXPECT_TRUE(read);
  return read ? *read : MappingPrograms::Paths();
}

std::string MappingRun::ends(const mapping_key& key) {
  return fmt::format("{}:{} > {}:{}", address_text(key.local), key.local_port, address_text(key.remote),
                     key.remote_port);
}

std::string MappingRun::outer(const mapping_direction& direction) {
  return fmt::format("{} > {} {}:{}", address_text(direction.outer.local),
                     address_text(direction.outer.remote), direction.outer.source_port,
                     direction.outer.destination_port);
}

}  // namespace sonde::exporter
