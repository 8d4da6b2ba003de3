#!/usr/bin/env python3
"""What containers that come and go cost sonde-exporter, and whether it misses any.

usage: tests/bench/cgroup_churn.py [--cgroups 1000] [--rate 100] [--seconds 60] [--interval 5] [-- FLAGS of sonde-exporter]
Beside that many cgroups with a sleeping process each, a program of its own (cgroup_churn.cpp, target "benchmarks") makes RATE
others a second for SECONDS in every hierarchy that is mounted, each with a process that lives for 100 ms, and removes them. Scrapes
every INTERVAL seconds as Prometheus does, over one connection with gzip, and reads the pages afterwards: a container is missed
if no page has its row, or none with the exit of its one process in it. As root. Prints Markdown tables.
"""
import argparse
import dataclasses
import gzip
import http.client
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from cgroup_scrape import cpu_seconds, resident_megabytes  # noqa: E402
from cgroups import TestCgroups  # noqa: E402
from running_exporter import PROGRAM, RunningExporter, value  # noqa: E402

LOAD = os.path.join(os.path.dirname(PROGRAM), "..", "bench", "cgroup_churn")
LIFE_MILLISECONDS = 100
EXITS = re.compile(rb'^sonde_container_process_events_total\{[^}]*pod="job-(\d+)"[^}]*event="exit"[^}]*\} (\d+)$', re.MULTILINE)
STATES = 6


class Load:
    """The program that makes cgroups; what it made is in `output`."""

    def __init__(self, cgroups: TestCgroups, options: argparse.Namespace) -> None:
        self.output = tempfile.TemporaryFile("w+", encoding="utf-8")
        parents = [f"{root}/{cgroups.name}" for root in cgroups.roots]
        self.process = subprocess.Popen([LOAD, str(options.cgroups), str(options.rate), str(LIFE_MILLISECONDS), *parents],
                                        stdin=subprocess.PIPE, stdout=self.output)

    def __enter__(self) -> "Load":
        while os.fstat(self.output.fileno()).st_size == 0:
            assert self.process.poll() is None, "cgroup_churn ended"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def line(self) -> None:
        """Begins or ends the churn."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def end(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()

    def jobs(self) -> dict[int, float]:
        """Once it has ended: the jobs that it made, by number, and how long each process lived, in milliseconds."""
        self.output.seek(0)
        lines = [line.split() for line in self.output if line != "ready\n"]
        return {int(number): (int(died) - int(born)) / 1e6 for number, born, died in lines}


@dataclasses.dataclass
class State:
    """The exporter at a scrape."""

    seconds: float
    cpu: float
    resident: float
    files: int


class Scraper:
    """Reads pages as Prometheus does and keeps them as they came."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.pages: list[bytes] = []
        self.times: list[float] = []

    def scrape(self) -> None:
        start = time.monotonic()
        self.connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        reply = self.connection.getresponse()
        page = reply.read()
        self.times.append((time.monotonic() - start) * 1e3)
        assert reply.status == 200, reply.status
        self.pages.append(page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroups", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--interval", type=float, default=5)
    parser.add_argument("flags", nargs="*", help="flags of sonde-exporter, after --")
    options = parser.parse_args()
    with TestCgroups() as cgroups, Load(cgroups, options) as load, RunningExporter(*options.flags) as exporter:
        scraper = Scraper(exporter.port)
        states = measure(exporter.process.pid, scraper, load, options)
        load.end()
        scraper.scrape()
        report(scraper, load.jobs(), states)


def measure(process: int, scraper: Scraper, load: Load, options: argparse.Namespace) -> list[State]:
    scraper.scrape()
    load.line()
    begin = time.monotonic()
    states = []

    def note() -> None:
        states.append(State(time.monotonic() - begin, cpu_seconds(process), resident_megabytes(process),
                            len(os.listdir(f"/proc/{process}/fd"))))

    note()
    scrapes = int(options.seconds / options.interval)
    for number in range(scrapes):
        time.sleep(max(0.0, begin + (number + 1) * options.interval - time.monotonic()))
        scraper.scrape()
        note()
    load.line()
    return states


def report(scraper: Scraper, jobs: dict[int, float], states: list[State]) -> None:
    seen: dict[int, int] = {}
    for compressed in scraper.pages:
        for number, exits in EXITS.findall(gzip.decompress(compressed)):
            seen[int(number)] = max(seen.get(int(number), 0), int(exits))
    wanted = [number for number, life in jobs.items() if life >= LIFE_MILLISECONDS]
    without_row = [number for number in wanted if number not in seen]
    without_count = [number for number in wanted if seen.get(number) == 0]
    wrong = [number for number in wanted if seen.get(number, 1) > 1]
    times = sorted(scraper.times[1:-1])
    seconds = states[-1].seconds
    print("| made | a second | missed: no row | row without its exit | scrapes | ms p50 | p99 | longest | CPU, share of a core |")
    print("|---|---|---|---|---|---|---|---|---|")
    print(f"| {len(jobs)} | {len(jobs) / seconds:.1f} | {len(without_row)} | {len(without_count)} | {len(times)} | "
          f"{times[len(times) // 2]:.0f} | {times[min(len(times) - 1, int(len(times) * 0.99))]:.0f} | {times[-1]:.0f} | "
          f"{(states[-1].cpu - states[0].cpu) / seconds:.1%} |\n")
    print(f"lived {min(jobs.values()):.0f} to {max(jobs.values()):.0f} ms; counted more than once: {len(wrong)}; "
          f"missed: {(without_row + without_count)[:20]}")
    page = gzip.decompress(scraper.pages[-1]).decode()
    exited = value(page, "sonde_exited_process_events_total", service="job", event="exit")
    print(f"exits of service job: {sum(seen.values())} by rows, {exited} by its ended containers; "
          f"rescans {value(page, 'sonde_exporter_cgroup_rescans_total')}; ~other {value(page, 'sonde_exporter_containers_unlisted')}")
    took = re.findall(r'^sonde_scrape_collector_duration_seconds\{collector="(\w+)"\} (\S+)$',
                      gzip.decompress(scraper.pages[-2]).decode(), re.MULTILINE)
    took.sort(key=lambda one: -float(one[1]))
    print("slowest collectors of the last scrape of the churn:",
          ", ".join(f"{name} {float(text) * 1e3:.0f} ms" for name, text in took[:8]))
    print("lost events:", ", ".join(line.split(" ", 1)[0].partition("{")[2].rstrip("}") + " " + line.split(" ")[-1]
                                    for line in page.splitlines()
                                    if line.startswith("sonde_exporter_bpf_lost_events_total{") and not line.endswith(" 0")))
    print("\n| after s | CPU, share since before | resident MB | open files | page MB | series |")
    print("|---|---|---|---|---|---|")
    shown = min(STATES, len(states) - 1)
    for at in range(1, shown + 1):
        last, now = (len(states) - 1) * (at - 1) // shown, (len(states) - 1) * at // shown
        page = gzip.decompress(scraper.pages[now]).decode()
        share = (states[now].cpu - states[last].cpu) / (states[now].seconds - states[last].seconds)
        series = sum(1 for line in page.splitlines() if not line.startswith("#"))
        print(f"| {states[now].seconds:.0f} | {share:.1%} | {states[now].resident:.0f} | {states[now].files} | "
              f"{len(page) / 1e6:.1f} | {series} |")


if __name__ == "__main__":
    main()
