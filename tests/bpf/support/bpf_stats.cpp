#include "tests/bpf/support/bpf_stats.h"

#include <fstream>
#include <stdexcept>

#include "exporter/bpf_program.h"

namespace sonde::test {
namespace {

constexpr const char* kSysctl = "/proc/sys/kernel/bpf_stats_enabled";

void write_sysctl(int value) {
  std::ofstream file(kSysctl);
  file << value << std::flush;
  if (!file) throw std::runtime_error("cannot write kernel.bpf_stats_enabled");
}

}  // namespace

BpfStatsEnabled::BpfStatsEnabled(bool on) : before_(0) {
  std::ifstream(kSysctl) >> before_;
  write_sysctl(on ? 1 : 0);
}

BpfStatsEnabled::~BpfStatsEnabled() {
  std::ofstream(kSysctl) << before_;
}

uint64_t run_count(const exporter::BpfContext& context, std::string_view topic, std::string_view program) {
  uint64_t count = 0;
  context.for_each_object([&](const exporter::BpfObject& object) {
    if (object.topic() != topic) return;
    for (const exporter::ProgramStats& stats : object.stats()) {
      if (stats.name == program) count += stats.run_count;
    }
  });
  return count;
}

}  // namespace sonde::test
