#!/usr/bin/env python3
"""What the exporter costs the shop: CPU seconds per request at a fixed rate, measured and computed.

Measured: windows of a few seconds, in random order with the exporter's BPF programs attached, with empty programs at
the same hooks (bench/bpf_cost --hold-empty-but-syscalls: there the exporter samples), and with none.
The shop's CPU time is read from its own cgroups, so the exporter's is not in it. Before each window an exporter starts,
whatever the window is, so that all are disturbed alike.

Computed: the shop's own events (from the exporter's counters) times what each run of a program takes above an empty
one in the same shop (kernel.bpf_stats_enabled, switched on for this part only), plus the slower syscall path while the syscall programs
are attached, plus the exporter's own CPU; over the shop's CPU.

usage, as root: tests/bench/shop_cost.py [--windows 200] [--seconds 2] [--seed 1] [--exporter-flag FLAG …]
"""
import argparse
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# pylint: disable=wrong-import-position
from demo.loop import cgroups, client, loop, run, shop  # noqa: E402
from demo.loop.process import Placement, Process  # noqa: E402
from tests.bench import shop_cost_model  # noqa: E402

ARMS = ["attached", "empty programs", "none"]
STATS = Path("/proc/sys/kernel/bpf_stats_enabled")


class Bench:
    """A shop, and an exporter that is started and stopped beside it."""

    def __init__(self, this: run.Run, rate: float, flags: list[str]) -> None:
        self._run = this
        self._flags = flags
        self._tools = cgroups.Tree(f"{this.name}.tools")
        self._tools.add("tools")
        self._tools.add("exporter")
        self._shop = shop.Shop(
            this.name, this.folder, loop.PROGRAMS, this.ports, self._tools.entries("tools"), rate
        )
        self._cpu_files: list[Path] = []  # of the containers, once they have cgroups

    def start(self) -> None:
        self._shop.prepare()
        self._cpu_files = [find_cpu_file(self._shop.tree.path(name)) for name in shop.CONTAINERS]
        self._shop.start()
        client.wait_for("the shop answers", lambda: self.requests() > 500, 60)

    def stop(self) -> None:
        self._shop.stop()
        self._tools.remove()
        self._run.remove()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._run.ports['exporter']}/metrics"

    def requests(self) -> float:
        """Answered so far."""
        samples = client.scrape(f"http://127.0.0.1:{self._run.ports['load']}/metrics", "sonde_workload_requests_total")
        return sum(sample.value for sample in samples if sample.labels["code"] == "200")

    def cpu_seconds(self) -> float:
        """Of all containers so far."""
        return sum(map(read_cpu_seconds, self._cpu_files))

    def exporter_cpu_seconds(self) -> float:
        """Of the exporter's cgroup so far: also of exporters that have ended."""
        return read_cpu_seconds(find_cpu_file(self._tools.path("exporter")))

    @contextmanager
    def exporter(self, more: list[str]) -> Iterator[Process]:
        """An exporter that is ready to be scraped."""
        command = [
            str(loop.PROGRAMS / "sonde-exporter"),
            f"--web.listen-address=127.0.0.1:{self._run.ports['exporter']}",
            f"--container.cgroup-include=/{self._run.name}/[^/]+",
            f"--node.lock={self._run.name}",
        ]
        process = Process(
            "exporter",
            command + self._flags + more,
            Placement(self._tools.entries("exporter")),
            self._run.folder / "exporter.log",
        )
        process.start()
        try:
            client.wait_for("the exporter answers", lambda: client.get(self.url), 20)
            yield process
        finally:
            process.stop()

    @contextmanager
    def empty_programs(self, option: str) -> Iterator[dict[str, tuple[int, float]]]:
        """Programs that do nothing at the exporter's hooks; afterwards, by name, how often they ran and seconds."""
        runs: dict[str, tuple[int, float]] = {}
        command = [str(loop.PROGRAMS.parent / "bench" / "bpf_cost"), option]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None and child.stdout is not None
            if child.stdout.readline() != "attached\n":
                raise RuntimeError(f"bpf_cost {option} did not attach; build it: ninja -C build/release benchmarks")
            yield runs
            child.stdin.close()
            for line in child.stdout:
                name, count, nanoseconds = line.split()
                runs[name] = (int(count), int(nanoseconds) * 1e-9)

    def window(self, seconds: float) -> float:
        """CPU seconds of the shop per request."""
        cpu, requests = self.cpu_seconds(), self.requests()
        time.sleep(seconds)
        return (self.cpu_seconds() - cpu) / max(1.0, self.requests() - requests)


def find_cpu_file(path: str) -> Path:
    """The file that holds a cgroup's CPU time, on v1 or v2."""
    for root in cgroups.hierarchies():
        for name in ("cpuacct.usage", "cpu.stat"):
            file = Path(f"{root}{path}") / name
            if file.exists() and (name != "cpu.stat" or "usage_usec" in file.read_text(encoding="utf-8")):
                return file
    raise RuntimeError(f"no hierarchy accounts the CPU time of {path}")


def read_cpu_seconds(file: Path) -> float:
    text = file.read_text(encoding="utf-8")
    if file.name == "cpuacct.usage":
        return int(text) / 1e9
    return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6


def measure(bench: Bench, windows: int, seconds: float, generator: random.Random) -> dict[str, list[float]]:
    """CPU per request of each arm's windows."""
    order = [arm for arm in ARMS for _ in range(windows)]
    generator.shuffle(order)
    results: dict[str, list[float]] = defaultdict(list)
    for done, arm in enumerate(order):
        with bench.exporter([]):
            if arm == "attached":
                results[arm].append(bench.window(seconds))
        if arm == "empty programs":
            with bench.empty_programs("--hold-empty-but-syscalls"):
                results[arm].append(bench.window(seconds))
        if arm == "none":
            results[arm].append(bench.window(seconds))
        if done % 50 == 49:
            print(f"{done + 1} of {len(order)} windows", file=sys.stderr, flush=True)
    return results


def bootstrap(with_it: list[float], without: list[float], generator: random.Random) -> tuple[float, float]:
    """95 % interval of the difference of the medians."""
    differences = sorted(
        statistics.median(generator.choices(with_it, k=len(with_it)))
        - statistics.median(generator.choices(without, k=len(without)))
        for _ in range(5000)
    )
    return differences[125], differences[4874]


@contextmanager
def program_statistics() -> Iterator[None]:
    """kernel.bpf_stats_enabled for a while."""
    before = STATS.read_text(encoding="utf-8")
    STATS.write_text("1", encoding="utf-8")
    try:
        yield
    finally:
        STATS.write_text(before, encoding="utf-8")


def report_measured(results: dict[str, list[float]], generator: random.Random) -> None:
    base = statistics.median(results["none"])
    print(f"CPU per request, median of {len(results['none'])} windows without anything: {base * 1e6:.0f} µs")
    for arm in ("attached", "empty programs"):
        difference = statistics.median(results[arm]) - base
        low, high = bootstrap(results[arm], results["none"], generator)
        print(
            f"{arm:<15} {difference * 1e6:+.1f} µs a request = {100 * difference / base:+.2f} %, "
            f"95 % interval {100 * low / base:+.2f} to {100 * high / base:+.2f} %"
        )


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--windows", type=int, default=200, help="of each kind")
    parser.add_argument("--seconds", type=float, default=2, help="a window")
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model-seconds", type=float, default=60)
    parser.add_argument("--scrape-interval", type=float, default=15, help="of the computed part")
    parser.add_argument("--syscall-path-ns", type=float, default=250, help="slower path of a traced syscall, by bench/bpf_cost")
    parser.add_argument("--exporter-flag", action="append", default=[])
    options = parser.parse_args()
    generator = random.Random(options.seed)
    bench = Bench(run.Run(), options.rate, options.exporter_flag)
    try:
        bench.start()
        with program_statistics():
            model = shop_cost_model.observe(bench, options.model_seconds, options.scrape_interval)
        shop_cost_model.report(model, options.syscall_path_ns)
        if options.windows > 0:
            report_measured(measure(bench, options.windows, options.seconds, generator), generator)
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
