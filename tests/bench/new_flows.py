#!/usr/bin/env python3
"""What many new flows cost sonde-exporter, and whether its series stay within their budget.

usage, as root: tests/bench/new_flows.py [--rate 10000] [--seconds 600] [--interval 15] [-- FLAGS of sonde-exporter]
A program of its own (new_flows.cpp, target "benchmarks") in one pod connects to another RATE times a second, each time from
another of 65,534 addresses. Scrapes every INTERVAL seconds. Printed: the exporter's CPU time as a share of one core, user
space apart; its series; what it counted beside what was made.
"""
import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "flows"), os.path.join(HERE, "..", "exporter")]
from flows_page import total, wait_for  # noqa: E402
from pod_networks import PodNetworks  # noqa: E402
from running_exporter import PROGRAM, RunningExporter, samples  # noqa: E402

LOAD = os.path.join(os.path.dirname(PROGRAM), "..", "bench", "new_flows")
PORT = 5201
NETWORK = "10.50.0.0"


def cpu_seconds(process: int) -> tuple[float, float]:
    """CPU time of a process so far: in user space, in the kernel."""
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


def resident_megabytes(process: int) -> float:
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--interval", type=float, default=15)
    parser.add_argument("flags", nargs="*", help="flags of sonde-exporter, after --")
    options = parser.parse_args()
    with PodNetworks("client-1", "server-1") as pods:
        pods.run("client-1", "ip", "route", "add", "local", f"{NETWORK}/16", "dev", "lo")
        pods.run("server-1", "ip", "route", "add", f"{NETWORK}/16", "via", pods.address("client-1"))
        server = pods.start("server-1", LOAD, "serve", str(PORT))
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        with RunningExporter("--collector.disable-defaults", "--collector.flow_rtt", f"--flows.network-namespace={pods.node}",
                             f"--container.cgroup-include=/{pods.cgroups.name}/[^/]+", "--container.cri=none",
                             *options.flags) as exporter:
            measure(pods, exporter, options)


def measure(pods: PodNetworks, exporter: RunningExporter, options: argparse.Namespace) -> None:
    wait_for("both pods have programs", lambda: total(exporter.page(), "sonde_exporter_flow_interfaces") == 2)
    process = exporter.process.pid
    before, begin, begin_cpu = exporter.page(), time.monotonic(), cpu_seconds(process)
    client = pods.start("client-1", LOAD, "connect", pods.address("server-1"), str(PORT), f"{options.rate:g}", f"{options.seconds:g}",
                        NETWORK)
    series, resident, page = [], [], before
    while client.poll() is None:
        time.sleep(options.interval)
        page = exporter.page()
        series.append(sum(1 for (name, _), _ in samples(page) if name.startswith("sonde_flow_")))
        resident.append(resident_megabytes(process))
    seconds, cpu = time.monotonic() - begin, cpu_seconds(process)
    assert client.stdout is not None
    made, took = map(float, client.stdout.read().split())
    page = exporter.page()

    def growth(name: str, **labels: str) -> float:
        return total(page, name, **labels) - total(before, name, **labels)
    user, kernel = ((now - then) / seconds for now, then in zip(cpu, begin_cpu, strict=True))
    print("| | |\n|---|---|")
    print(f"| new flows | {made:,.0f} in {took:.0f} s: {made / took:,.0f} a second |")
    print(f"| exporter, CPU of one core | user space {user:.2%}, kernel {kernel:.2%} |")
    print(f"| series sonde_flow_… | at most {max(series)}; first {series[0]}, last {series[-1]} |")
    print(f"| resident | first {resident[0]:.1f} MB, at most {max(resident):.1f} MB |")
    print(f"| handshakes counted | client {growth('sonde_flow_handshake_rtt_seconds_count', pod='client-1'):,.0f} |")
    for name in sorted({name for (name, _), _ in samples(page) if name.startswith("sonde_exporter_flow")}):
        print(f"| {name} | grew by {growth(name):,.0f} |")


if __name__ == "__main__":
    main()
