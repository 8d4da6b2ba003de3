"""Throughput of eight bulk flows in windows of a second, in random order: native, ours, empty programs, tcpdump.

Each arm has a node of its own, so nothing changes between windows but which pods send. Printed: medians, the ratio to
native and its 95 % bootstrap interval; and what tcptrace takes afterwards for what tcpdump captured in a second.

usage: python3 tests/bench/flow_cost throughput [--rounds 200] [--seconds 1] [--mtu-sized] [--results FILE]
"""
import argparse

from arms import NAMES, NATIVE, TCPDUMP, Arm, Arms
from windows import interleave, interval, median, ratio


def tcptrace_line(arm: Arm, seconds: float) -> str:
    before = arm.sent_packets()
    arm.iperf3(seconds)
    packets = (arm.sent_packets() - before) / seconds
    spent = arm.tcptrace_seconds_a_packet() * packets
    return f"tcptrace afterwards: {spent * 1e3:.0f} ms of CPU for each second captured ({packets:,.0f} packets)"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="windows of each arm")
    parser.add_argument("--seconds", type=float, default=1, help="length of a window")
    parser.add_argument("--mtu-sized", action="store_true", help="no large packets: every one has at most 1,500 bytes")
    parser.add_argument("--results", help="file that the windows are added to: in parts, over a longer time")
    parser.add_argument("--arms", type=lambda text: text.split(","), default=list(NAMES), help=f"which: {','.join(NAMES)}")
    options = parser.parse_args(arguments)

    def window(arm: Arm) -> float:
        return arm.iperf3(options.seconds)["bits_per_second"] / 1e9

    with Arms(options.arms, options.mtu_sized) as arms:
        rounds = interleave(arms, options.rounds, window, options.results)
        tcptrace = [tcptrace_line(arm, options.seconds) for arm in arms if arm.name == TCPDUMP]
    print(f"{len(rounds)} windows of {options.seconds:g} s each, {'MTU-sized' if options.mtu_sized else 'GSO'}\n")
    print("| | Gb/s, median | of native | 95 % interval |\n|---|---|---|---|")
    for name in options.arms:
        line = f"| {name} | {median(name)(rounds):.2f} |"
        if name != NATIVE:
            of_native, low, high = interval(rounds, ratio(name))
            line += f" {of_native:.3f} | {low:.3f} to {high:.3f} |"
        else:
            line += " 1 | |"
        print(line)
    print("", *tcptrace, sep="\n")
