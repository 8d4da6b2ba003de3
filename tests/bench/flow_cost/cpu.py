"""CPU of a fixed load, MTU-sized packets: computed, and measured in windows in random order.

Measured: CPU time of the pods and of what watches them (cgroup accounting), as a share of the whole machine, above native.
Computed: runs of each flow program times its nanoseconds above an empty program's under the same load
(kernel.bpf_stats_enabled, for this part alone), plus the exporter's own CPU time, as a share of the whole machine.

usage: python3 tests/bench/flow_cost cpu [--rounds 100] [--seconds 2] [--megabits 400] [--results FILE]
"""
import argparse
import json
import os
import subprocess
import time

from arms import EMPTY, FLOWS, NAMES, NATIVE, OURS, TCPDUMP, Arm, Arms
from stats import bpf_stats
from windows import difference, interleave, interval, median

PROGRAMS = {OURS: {"from_container": "from", "to_container": "to"}, EMPTY: {"empty_from": "from", "empty_to": "to"}}
COMPUTED_SECONDS = 10
SCRAPE_SECONDS = 15



def runs(arm: Arm) -> dict[str, tuple[int, int]]:
    """Direction → (runs, nanoseconds) so far of the arm's programs."""
    listing = json.loads(subprocess.run(["bpftool", "prog", "show", "-j"], check=True, capture_output=True).stdout)
    found = {"from": (0, 0), "to": (0, 0)}
    for program in listing:
        direction = PROGRAMS[arm.name].get(program.get("name", ""))
        owners = {owner["pid"] for owner in program.get("pids", [])}
        if direction is None or (arm.exporter and owners and arm.exporter.process.pid not in owners):
            continue
        before = found[direction]
        found[direction] = (before[0] + program.get("run_cnt", 0), before[1] + program.get("run_time_ns", 0))
    return found


def compute(arms: list[Arm], rate: list[str]) -> str:
    """The share of the machine that the flow programs take, by runs times nanoseconds, and what it is made of."""
    growth: dict[str, dict[str, tuple[int, float]]] = {}
    machine, share = os.cpu_count() or 1, 0.0
    for arm in arms:
        if arm.name not in PROGRAMS:
            continue
        with bpf_stats():
            before, own = runs(arm), exporter_seconds(arm)
            arm.iperf3(COMPUTED_SECONDS, *rate)
            after = runs(arm)
            share += (exporter_seconds(arm) - own) / COMPUTED_SECONDS / machine
        growth[arm.name] = {}
        for way, (count, spent) in after.items():
            ran = count - before[way][0]
            assert ran > 0, f"no run of the programs of '{arm.name}' was counted"
            growth[arm.name][way] = (ran, (spent - before[way][1]) / ran)
    lines = [f"exporter itself: {share:.3%} of the machine"]
    for way, (count, ns) in growth[OURS].items():
        net = ns - growth[EMPTY][way][1]
        a_second = count / COMPUTED_SECONDS
        share += a_second * net / 1e9 / machine
        lines.append(f"{way} container: {a_second:,.0f} runs/s of {ns:.0f} ns, empty {growth[EMPTY][way][1]:.0f}, net {net:.0f}")
    return "\n".join([f"flow programs and exporter, computed: {share:+.2%} of the machine", *lines])


def exporter_seconds(arm: Arm) -> float:
    """CPU time of the exporter's process so far; it is scraped neither before nor after."""
    if arm.exporter is None:
        return 0.0
    with open(f"/proc/{arm.exporter.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100, help="windows of each arm")
    parser.add_argument("--seconds", type=float, default=2, help="length of a window")
    parser.add_argument("--megabits", type=float, default=400, help="load of all flows together, a second")
    parser.add_argument("--large-packets", action="store_true", help="leave GSO on")
    parser.add_argument("--results", help="file that the windows are added to: in parts, over a longer time")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(NAMES), help=f"which: {','.join(NAMES)}")
    options = parser.parse_args(arguments)
    rate = ["-b", f"{options.megabits / FLOWS:g}M", "-l", "16K"]
    machine = os.cpu_count() or 1
    packets: dict[str, float] = {}

    def window(arm: Arm) -> float:
        cpu, start, sent = arm.cpu_seconds(), time.monotonic(), arm.sent_packets()
        arm.iperf3(options.seconds, *rate)
        packets[arm.name] = (arm.sent_packets() - sent) / options.seconds
        if arm.exporter and start - scraped[0] > SCRAPE_SECONDS:
            arm.exporter.page()
            scraped[0] = start
        return (arm.cpu_seconds() - cpu) / (time.monotonic() - start) / machine

    scraped = [0.0]
    with Arms(options.arms, not options.large_packets) as arms:
        rounds = interleave(arms, options.rounds, window, options.results)
        notes = [compute(arms, rate)] if {OURS, EMPTY} <= {*options.arms} else []
        notes += [f"tcptrace afterwards: {arm.tcptrace_seconds_a_packet() * packets[TCPDUMP] / machine:+.2%} beside tcpdump's"
                  for arm in arms if arm.name == TCPDUMP]
    print(f"{len(rounds)} windows of {options.seconds:g} s each, {options.megabits:g} Mb/s in {packets[NATIVE]:,.0f} packets/s\n")
    print("| | CPU of the machine, median | above native | 95 % interval |\n|---|---|---|---|")
    for name in options.arms:
        line = f"| {name} | {median(name)(rounds):.2%} |"
        if name != NATIVE:
            above, low, high = interval(rounds, difference(name))
            line += f" {above:+.2%} | {low:+.2%} to {high:+.2%} |"
        else:
            line += " | |"
        print(line)
    print("", *notes, sep="\n")
