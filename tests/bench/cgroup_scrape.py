#!/usr/bin/env python3
"""What a scrape of many containers costs: CPU time, series, memory, open files of sonde-exporter, by sets of collectors.

usage: tests/bench/cgroup_scrape.py [--cgroups 1000] [--scrapes 20]
Makes that many cgroups with a sleeping process each in every hierarchy that is mounted, as root, and removes them again.
Prints a Markdown table: medians over the scrapes, CPU time as the kernel accounts it to the process. Its last row is
prometheus-node-exporter with its default collectors, scraped by the same client, where it is installed (Debian's package).
"""
import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporter"))
from cgroups import TestCgroups, measured_roots  # noqa: E402
from running_exporter import RunningExporter  # noqa: E402

SETS = {
    "nothing": [],
    "6 files: usage and limits of CPU and memory": ["cgroup_cpu", "cgroup_memory"],
    "all that read files": ["container_info", "cgroup_cpu", "cgroup_memory", "cgroup_network", "oom", "cgroup_pressure",
                            "cgroup_io", "cgroup_pids"],
}


def cpu_seconds(process: int) -> float:
    """CPU time of a process, to the nanosecond: the sum over its threads."""
    total = 0
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/schedstat", encoding="utf-8") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def sleeper(roots: list[str], path: str) -> int:
    """A process that does nothing in a cgroup of every hierarchy."""
    process = os.fork()
    if process == 0:
        signal.pause()
        os._exit(0)
    for root in roots:
        with open(f"{root}{path}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write(str(process))
    return process


def resident_megabytes(process: int) -> float:
    with open(f"/proc/{process}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroups", type=int, default=1000)
    parser.add_argument("--scrapes", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.cgroups} cgroups in {len(measured_roots())} hierarchies: {', '.join(measured_roots())}\n")
    print("| collectors | CPU ms a scrape | of it above \"nothing\" | series | µs a series | resident MB | open files |")
    print("|---|---|---|---|---|---|---|")
    with TestCgroups() as cgroups:
        sleepers = [sleeper(cgroups.roots, cgroups.make(f"c-{number}")) for number in range(options.cgroups)]
        try:
            measure(options.scrapes)
        finally:
            for process in sleepers:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def measure(scrapes: int) -> None:
    """One line of the table for each set of collectors."""
    base = 0.0
    sets = dict(SETS) | {"the default": None}
    for name, collectors in sets.items():
        flags = [] if collectors is None else ["--collector.disable-defaults",
                                               *(f"--collector.{one}" for one in collectors)]
        with RunningExporter(*flags) as exporter:
            cost, row = cost_of(exporter.process.pid, exporter.page, scrapes)
            base = cost if name == "nothing" else base
            print(f"| {name} | {cost:.1f} | {cost - base:.1f} | {row}", flush=True)
    node_exporter(scrapes)


def cost_of(process: int, page_of: Callable[[], str], scrapes: int) -> tuple[float, str]:
    """CPU milliseconds of a scrape, and the columns of the table that are made of it."""
    page = page_of()
    costs = []
    for _ in range(scrapes):
        before = cpu_seconds(process)
        page = page_of()
        costs.append((cpu_seconds(process) - before) * 1e3)
    series = sum(1 for line in page.splitlines() if line and not line.startswith("#"))
    cost = statistics.median(costs)
    files = len(os.listdir(f"/proc/{process}/fd"))
    return cost, f"{series} | {cost * 1e3 / series:.2f} | {resident_megabytes(process):.0f} | {files} |"


def node_exporter(scrapes: int) -> None:
    program = shutil.which("prometheus-node-exporter")
    if program is None:
        print("prometheus-node-exporter is not installed")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen([program, f"--web.listen-address={address}"], stderr=subprocess.DEVNULL)

    def page() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as reply:
            return reply.read().decode()

    try:
        for _ in range(100):
            try:
                page()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        cost, row = cost_of(process.pid, page, scrapes)
        print(f"| prometheus-node-exporter's default | {cost:.1f} | | {row}", flush=True)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
