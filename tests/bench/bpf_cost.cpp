// What each BPF program of the exporter costs a run, above an empty program at the same hook, and beside it
// what bpftrace's one-liner for the same count costs. As root: build/release/bench/bpf_cost [ROUNDS |
// --hold-empty | --hold-empty-but-syscalls]
//
// Each round loads, in turn, empty programs, the exporter's and bpftrace's, and runs the same workload in a
// cgroup of its own; the kernel measures the runs (kernel.bpf_stats_enabled). The table shows medians over
// the rounds.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/bench_empty.skel.h"
#include "exporter/bpf_program.h"
#include "tests/bench/bpf_bpftrace.h"
#include "tests/bpf/support/bpf_stats.h"
#include "tests/bpf/support/lossy_tcp.h"
#include "tests/bpf/support/ping_pong.h"
#include "tests/bpf/support/probe.h"
#include "tests/bpf/support/worker.h"
#include "tests/bpf/workloads.h"

namespace {

using sonde::bench::Bpftrace;
using sonde::bench::Runs;
using sonde::exporter::BpfObject;
using sonde::test::Task;

/// One topic: its programs, what makes them run, and bpftrace's way to count the same.
struct Subject {
  std::string topic;
  std::vector<std::string> programs;
  std::vector<std::pair<Task, uint64_t>> work;
  sonde::test::Probe::Factory collector;
  std::string bpftrace;
};

Task task_of(std::string_view workload) {
  for (const auto& candidate : sonde::test::workloads()) {
    if (candidate.name == workload) return candidate.task;
  }
  std::abort();
}

std::vector<Subject> subjects() {
  using namespace sonde::exporter;
  return {
      {"syscalls",
       {"sys_enter", "sys_exit", "uring_complete"},
       {{task_of("Getppid"), 1'000'000}, {task_of("UringOpenat"), 10'000}},
       sonde::test::exact_syscalls,
       "tracepoint:raw_syscalls:sys_enter { @calls[cgroup] = count(); if (args->id == 9) { @mmaps[cgroup] = "
       "count(); } } "
       "tracepoint:raw_syscalls:sys_exit { if (args->id == 257 || args->id == 2 || args->id == 85 || "
       "args->id == 437) "
       "{ @opens[cgroup, args->ret < 0] = count(); } }"},
      {"syscalls of opens",
       {"sys_enter", "sys_exit"},
       {{task_of("Openat"), 200'000}},
       sonde::test::exact_syscalls,
       "tracepoint:raw_syscalls:sys_enter { @calls[cgroup] = count(); if (args->id == 9) { @mmaps[cgroup] = "
       "count(); } } "
       "tracepoint:raw_syscalls:sys_exit { if (args->id == 257 || args->id == 2 || args->id == 85 || "
       "args->id == 437) "
       "{ @opens[cgroup, args->ret < 0] = count(); } }"},
      {"page_faults",
       {"fault_user", "fault_kernel"},
       {{task_of("UserPageFaults"), 200'000}, {task_of("KernelPageFaults"), 100'000}},
       make_page_faults_collector,
       "tracepoint:exceptions:page_fault_user { @user[cgroup] = count(); } "
       "tracepoint:exceptions:page_fault_kernel { @kernel[cgroup] = count(); }"},
      {"process_events",
       {"process_fork", "process_exec", "process_exit"},
       {{task_of("Execs"), 3'000}},
       make_process_events_collector,
       "tracepoint:sched:sched_process_fork { @fork[cgroup] = count(); } "
       "tracepoint:sched:sched_process_exec { @exec[cgroup] = count(); } "
       "tracepoint:sched:sched_process_exit { if (pid == tid) { @exit[cgroup] = count(); } }"},
      {"scheduler",
       {"sched_switch"},
       {{sonde::test::ping_pong, 100'000}, {task_of("Forks"), 1'000}},
       make_scheduler_collector,
       "tracepoint:sched:sched_wakeup, tracepoint:sched:sched_wakeup_new { @since[args->pid] = nsecs; } "
       "tracepoint:sched:sched_switch { @switches[cgroup] = count(); "
       "if (args->prev_state == 0) { @since[args->prev_pid] = nsecs; } $since = @since[args->next_pid]; "
       "if ($since) { @delay = hist((nsecs - $since) / 1000); } delete(@since[args->next_pid]); }"},
      {"block_io",
       {"rq_issue", "rq_complete"},
       {{task_of("DirectWrites"), 10'000}},
       make_block_io_collector,
       "tracepoint:block:block_rq_issue { @requests[cgroup, args->rwbs] = count(); "
       "@bytes[cgroup, args->rwbs] = sum(args->bytes); }"},
      {"tcp_retransmits",
       {"retransmit_skb"},
       {{sonde::test::send_over_a_lossy_link, 50}},
       make_tcp_retransmits_collector,
       "tracepoint:tcp:tcp_retransmit_skb { @[cgroup] = count(); }"},
  };
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// ns per run of each program, one value a round.
using Series = std::map<std::string, std::vector<double>>;

struct Measured {
  Series empty;
  Series ours;
  Series bpftrace;
  std::map<std::string, uint64_t> runs;
};

void add(Series& series, const std::string& program, const Runs& runs) {
  if (runs.count > 0)
    series[program].push_back(static_cast<double>(runs.time_ns) / static_cast<double>(runs.count));
}

std::map<std::string, Runs> runs_of(const sonde::exporter::BpfContext& context) {
  std::map<std::string, Runs> all;
  context.for_each_object([&all](const BpfObject& object) {
    for (const auto& stats : object.stats()) all[stats.name] = {stats.run_count, stats.run_time_ns};
  });
  return all;
}

void work(const Subject& subject) {
  const sonde::test::TestCgroup cgroup("bench");
  for (const auto& [task, count] : subject.work) {
    sonde::test::Worker worker(cgroup, task, 0);
    worker.run(count);
  }
}

std::map<std::string, Runs> run_empty(const Subject& subject) {
  sonde::exporter::CapabilityTable capabilities;
  sonde::exporter::BpfContext context({}, capabilities);
  std::vector<std::string> others;
  for (const Subject& other : subjects()) {
    for (const std::string& program : other.programs) {
      if (std::find(subject.programs.begin(), subject.programs.end(), program) == subject.programs.end()) {
        others.push_back(program);
      }
    }
  }
  for (const char* program : {"mkdir", "rmdir", "retransmit_ack"}) others.emplace_back(program);
  auto object = BpfObject::load(
      context,
      {.topic = "empty", .open = sonde::exporter::open_skeleton<bench_empty_bpf>(), .not_wanted = others});
  if (!object || !(*object)->attach()) {
    fmt::print(stderr, "bpf_cost: {}\n", object ? "cannot attach" : object.error().message);
    std::exit(1);
  }
  work(subject);
  return runs_of(context);
}

Measured measure(const Subject& subject, int rounds) {
  Measured all;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [program, runs] : run_empty(subject)) add(all.empty, program, runs);
    {
      sonde::test::Probe probe(subject.collector);
      work(subject);
      for (const auto& [program, runs] : runs_of(probe.context())) {
        add(all.ours, program, runs);
        all.runs[program] = runs.count;
      }
    }
    const Bpftrace bpftrace(subject.bpftrace);
    work(subject);
    for (const auto& [program, runs] : bpftrace.runs()) add(all.bpftrace, program, runs);
  }
  return all;
}

void print(const Subject& subject, const Measured& measured) {
  for (const std::string& program : subject.programs) {
    if (!measured.ours.contains(program)) continue;
    const double empty =
        median(measured.empty.contains(program) ? measured.empty.at(program) : std::vector<double>{});
    const double ours = median(measured.ours.at(program));
    fmt::print("| {} | {} | {} | {:.0f} | {:.0f} | **{:.0f}** |\n", subject.topic, program,
               measured.runs.at(program), empty, ours, ours - empty);
  }
  for (const auto& [program, values] : measured.bpftrace) {
    fmt::print("| {} | bpftrace {} | | | {:.0f} | |\n", subject.topic, program, median(values));
  }
  std::fflush(stdout);
}

/// ns of CPU time per call of getppid, with whatever is attached now.
double syscall_ns() {
  constexpr int kCalls = 1'000'000;
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
  };
  const Task getppid = task_of("Getppid");
  const double start = now();
  getppid(kCalls);
  return (now() - start) / kCalls;
}

void print_syscall_path(int rounds) {
  Series all;
  using sonde::exporter::SyscallsMode;
  const auto with_mode = [](SyscallsMode mode) {
    return sonde::test::Probe([mode](sonde::exporter::BpfContext& context) {
      return make_syscalls_collector(context, {.mode = mode});
    });
  };
  for (int round = 0; round < rounds; ++round) {
    all["1 nothing attached"].push_back(syscall_ns());
    {
      const auto probe = with_mode(SyscallsMode::kOff);
      all["2 mode off"].push_back(syscall_ns());
    }
    {
      sonde::exporter::CapabilityTable capabilities;
      sonde::exporter::BpfContext context({}, capabilities);
      const auto object = BpfObject::load(
          context, {.topic = "empty",
                    .open = sonde::exporter::open_skeleton<bench_empty_bpf>(),
                    .not_wanted = {"uring_complete", "fault_user", "fault_kernel", "process_fork",
                                   "process_exec", "process_exit", "sched_switch", "rq_issue", "rq_requeue",
                                   "rq_complete", "retransmit_skb", "retransmit_ack", "mkdir", "rmdir"}});
      if (object && (*object)->attach()) all["3 empty programs at enter and exit"].push_back(syscall_ns());
    }
    {
      const auto probe = with_mode(SyscallsMode::kExact);
      all["4 mode exact"].push_back(syscall_ns());
    }
    all["5 after exact was stopped"].push_back(syscall_ns());
  }
  fmt::print("\n| getppid, CPU ns a call, bpf_stats off | median | lowest |\n|---|---|---|\n");
  for (const auto& [what, values] : all) {
    fmt::print("| {} | {:.0f} | {:.0f} |\n", what.substr(2), median(values),
               *std::min_element(values.begin(), values.end()));
  }
}

/// The control of shop_cost.py: empty programs at the hooks that the exporter is attached to, until standard
/// input ends; then a line `PROGRAM RUNS NANOSECONDS` each, 0 where kernel.bpf_stats_enabled is off.
int hold_empty_programs(std::vector<std::string> not_wanted) {
  sonde::exporter::CapabilityTable capabilities;
  sonde::exporter::BpfContext context({}, capabilities);
  const auto object = BpfObject::load(context, {.topic = "empty",
                                                .open = sonde::exporter::open_skeleton<bench_empty_bpf>(),
                                                .not_wanted = std::move(not_wanted)});
  if (!object || !(*object)->attach()) {
    fmt::print(stderr, "bpf_cost: {}\n", object ? "cannot attach" : object.error().message);
    return 1;
  }
  fmt::print("attached\n");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  for (const auto& [program, runs] : runs_of(context)) {
    fmt::print("{} {} {}\n", program, runs.count, runs.time_ns);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  if (what == "--hold-empty") return hold_empty_programs({});
  if (what == "--hold-empty-but-syscalls") {  // which are sampled, so hardly ever attached
    return hold_empty_programs({"sys_enter", "sys_exit", "uring_complete"});
  }
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 5;
  fmt::print("| topic | program | runs | empty ns | ns | net ns |\n|---|---|---|---|---|---|\n");
  {
    const sonde::test::BpfStatsEnabled stats(true);
    for (const Subject& subject : subjects()) print(subject, measure(subject, rounds));
  }
  const sonde::test::BpfStatsEnabled stats(false);
  print_syscall_path(rounds);
  return 0;
}
