#!/usr/bin/env python3
"""What containers that come and go cost sonde-exporter, and whether it misses any.

usage: tests/bench/cgroup_churn.py [--cgroups 1000] [--rate 100] [--seconds 60] [--interval 5]
Beside that many cgroups with a sleeping process each, makes RATE others a second for SECONDS, each with a process that lives
for 100 ms, and removes them; scrapes every INTERVAL seconds. As root. Prints a Markdown table.
"""
import argparse
import os
import signal
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from cgroup_scrape import cpu_seconds, resident_megabytes, sleeper  # noqa: E402
from cgroups import TestCgroups  # noqa: E402
from running_exporter import RunningExporter, samples  # noqa: E402

LIFE_SECONDS = 0.1
SWITCHES = "sonde_container_context_switches_total"


class Churn(threading.Thread):
    """Makes and removes cgroups at a rate until told to stop."""

    def __init__(self, cgroups: TestCgroups, rate: float) -> None:
        super().__init__()
        self.cgroups = cgroups
        self.rate = rate
        self.made: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        living: list[tuple[float, str, int]] = []
        begin = time.monotonic()
        while not self.stopping.is_set() or living:
            now = time.monotonic()
            if not self.stopping.is_set() and len(self.made) < (now - begin) * self.rate:
                name = f"job-{len(self.made)}"
                path = f"/{self.cgroups.name}/{name}"
                for root in self.cgroups.roots:
                    os.mkdir(root + path)
                living.append((now + LIFE_SECONDS, path, sleeper(self.cgroups.roots, path)))
                self.made.append(name)
            elif living and living[0][0] <= now:
                _, path, process = living.pop(0)
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
                for root in self.cgroups.roots:
                    remove(root + path)
            else:
                time.sleep(0.001)


def remove(directory: str) -> None:
    """rmdir, again while the kernel still holds the last process."""
    while True:
        try:
            return os.rmdir(directory)
        except OSError:
            time.sleep(0.001)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroups", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--interval", type=float, default=5)
    parser.add_argument("flags", nargs="*", help="flags of sonde-exporter, after --")
    options = parser.parse_args()
    with TestCgroups() as cgroups:
        sleepers = [sleeper(cgroups.roots, cgroups.make(f"c-{number}")) for number in range(options.cgroups)]
        try:
            with RunningExporter(*options.flags) as exporter:
                measure(exporter, Churn(cgroups, options.rate), options)
        finally:
            for process in sleepers:
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def measure(exporter: RunningExporter, churn: Churn, options: argparse.Namespace) -> None:
    process = exporter.process.pid
    state = lambda: (resident_megabytes(process), len(os.listdir(f"/proc/{process}/fd")))  # noqa: E731
    seen: set[str] = set()
    times: list[float] = []
    states = []
    exporter.page()
    churn.start()
    cpu, begin = cpu_seconds(process), time.monotonic()
    while time.monotonic() - begin < options.seconds:
        time.sleep(options.interval)
        start = time.monotonic()
        page = exporter.page()
        times.append((time.monotonic() - start) * 1e3)
        seen.update(dict(labels).get("pod", "") for (name, labels), _ in samples(page) if name == SWITCHES)
        states.append(state())
    churn.stopping.set()
    elapsed = time.monotonic() - begin
    cpu = cpu_seconds(process) - cpu
    churn.join()
    page = exporter.page()
    seen.update(dict(labels).get("pod", "") for (name, labels), _ in samples(page) if name == SWITCHES)
    missed = len(set(churn.made) - seen)
    half = len(states) // 2
    print("| cgroups made | missed | scrape ms, median and longest of "
          f"{len(times)} | CPU, share of a core | resident MB, half-way and at the end | open files, the same |")
    print("|---|---|---|---|---|---|")
    print(f"| {len(churn.made)} ({len(churn.made) / elapsed:.0f} a second) | {missed} | {statistics.median(times):.0f}, "
          f"{max(times):.0f} | {cpu / elapsed:.1%} | {states[half][0]:.0f}, {states[-1][0]:.0f} | {states[half][1]}, "
          f"{states[-1][1]} |")


if __name__ == "__main__":
    main()
