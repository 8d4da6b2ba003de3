#include "tests/flows/support/counting_programs.h"

#include <bpf/bpf.h>

#include <stdexcept>

#include "bpf/count_datagrams.skel.h"

namespace sonde::test {
namespace {

uint64_t count_in(const bpf_map* map, uint32_t interface) {
  uint64_t count = 0;
  return bpf_map_lookup_elem(bpf_map__fd(map), &interface, &count) == 0 ? count : 0;
}

}  // namespace

CountingPrograms::CountingPrograms() : skeleton_(count_datagrams_bpf::open_and_load()) {
  if (!skeleton_) throw std::runtime_error("count_datagrams does not load");
}

void CountingPrograms::Destroy::operator()(count_datagrams_bpf* skeleton) const {
  count_datagrams_bpf::destroy(skeleton);
}

exporter::FlowProgramDescriptors CountingPrograms::descriptors() const {
  exporter::FlowProgramDescriptors descriptors;
  descriptors.from_container = bpf_program__fd(skeleton_->progs.from_container);
  descriptors.to_container = bpf_program__fd(skeleton_->progs.to_container);
  return descriptors;
}

uint64_t CountingPrograms::sent(uint32_t interface) const {
  return count_in(skeleton_->maps.sent, interface);
}

uint64_t CountingPrograms::received(uint32_t interface) const {
  return count_in(skeleton_->maps.received, interface);
}

}  // namespace sonde::test
