// Attaches one design of flow programs to an interface and tells, for each line on its input, how often they
// ran.
//
// usage: flow_design_at empty|sonde|paper INTERFACE
// Prints "ready", then "RUNS NANOSECONDS RUNS NANOSECONDS" (from the container, to it) a line. Ends with its
// input.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "bpf/bench_flow_empty.skel.h"
#include "bpf/bench_flow_paper.skel.h"
#include "exporter/flows/flow_programs.h"

namespace sonde::bench {
namespace {

using exporter::FlowProgramDescriptors;

/// A design's programs, loaded, and whatever keeps them so.
struct Design {
  FlowProgramDescriptors programs;
  std::shared_ptr<void> owner;
};

/// The two programs of that name of a skeleton; sections of a name of their own say no type.
template <class Skeleton>
Design load(const char* from, const char* to) {
  std::shared_ptr<Skeleton> skeleton(Skeleton::open(), Skeleton::destroy);
  if (skeleton == nullptr) return {};
  bpf_program* programs[] = {bpf_object__find_program_by_name(skeleton->obj, from),
                             bpf_object__find_program_by_name(skeleton->obj, to)};
  for (bpf_program* program : programs) {
    if (program == nullptr || bpf_program__set_type(program, BPF_PROG_TYPE_SCHED_CLS) != 0) return {};
  }
  if (Skeleton::load(skeleton.get()) != 0) return {};
  return {{bpf_program__fd(programs[0]), bpf_program__fd(programs[1])}, skeleton};
}

/// As the exporter runs it, with a threshold on the interface that nothing reaches.
Design load_sonde(uint32_t interface) {
  struct Whole {
    exporter::CapabilityTable capabilities;
    exporter::BpfContext context{{}, capabilities};
    std::unique_ptr<exporter::FlowPrograms> programs;
  };
  auto whole = std::make_shared<Whole>();
  auto programs = exporter::FlowPrograms::load(whole->context, {});
  if (!programs) {
    std::fprintf(stderr, "%s\n", programs.error().message.c_str());
    return {};
  }
  whole->programs = std::move(*programs);
  const flow_threshold never{
      .absolute_ns = UINT64_MAX, .floor_ns = UINT64_MAX, .relative_percent = 1000000, .min_samples = 10};
  if (!whole->programs->set_threshold({.space = 0, .interface = interface}, never)) return {};
  const auto descriptors = whole->programs->programs(0);
  return {*descriptors, whole};
}

bool attach(uint32_t interface, bpf_tc_attach_point point, int program) {
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(interface), .attach_point = point);
  const int status = bpf_tc_hook_create(&hook);
  if (status != 0 && status != -EEXIST) return false;
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program);
  return bpf_tc_attach(&hook, &options) == 0;
}

void print_runs(int program) {
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  (void)bpf_obj_get_info_by_fd(program, &info, &size);
  std::printf("%llu %llu ", static_cast<unsigned long long>(info.run_cnt),
              static_cast<unsigned long long>(info.run_time_ns));
}

int run(std::string_view name, uint32_t interface) {
  const Design design = name == "sonde"   ? load_sonde(interface)
                        : name == "paper" ? load<bench_flow_paper_bpf>("from_container", "to_container")
                                          : load<bench_flow_empty_bpf>("empty_from", "empty_to");
  if (design.programs.from_container < 0) return 1;
  const bool attached = attach(interface, BPF_TC_INGRESS, design.programs.from_container) &&
                        attach(interface, BPF_TC_EGRESS, design.programs.to_container);
  if (attached) std::puts("ready");
  std::fflush(stdout);
  for (std::string line; attached && std::getline(std::cin, line);) {
    print_runs(design.programs.from_container);
    print_runs(design.programs.to_container);
    std::puts("");
    std::fflush(stdout);
  }
  LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(interface),
              .attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  (void)bpf_tc_hook_destroy(&hook);
  return attached ? 0 : 1;
}

}  // namespace
}  // namespace sonde::bench

int main(int count, char** words) {
  const std::string_view name = count == 3 ? words[1] : "";
  const uint32_t interface = count == 3 ? ::if_nametoindex(words[2]) : 0;
  if ((name != "empty" && name != "sonde" && name != "paper") || interface == 0) {
    std::fprintf(stderr, "usage: flow_design_at empty|sonde|paper INTERFACE\n");
    return 2;
  }
  return sonde::bench::run(name, interface);
}
