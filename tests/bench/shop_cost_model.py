"""The computed half of shop_cost.py: what the exporter's programs and its own CPU time come to for the shop."""
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from demo.loop import client
from demo.loop.process import Process

# Topic of programs → the metric that counts their events, by which the shop's part of the node's runs is told.
EVENTS = {
    "syscalls": "sonde_container_syscalls_total",
    "page_faults": "sonde_container_page_faults_total",
    "process_events": "sonde_container_process_events_total",
    "scheduler": "sonde_container_context_switches_total",
    "block_io": "sonde_container_block_requests_total",
}

Program = tuple[str, str]  # topic and name


class Observed(Protocol):
    """What of the bench is needed here."""

    @property
    def url(self) -> str:
        """The exporter's metrics."""

    def cpu_seconds(self) -> float:
        """Of the shop."""

    def exporter_cpu_seconds(self) -> float:
        """Of the exporter."""

    def requests(self) -> float:
        """Answered."""

    def exporter(self, more: list[str]) -> AbstractContextManager[Process]:
        """Runs one."""

    def empty_programs(self, option: str) -> AbstractContextManager[dict[str, tuple[int, float]]]:
        """Holds programs that do nothing; afterwards, by name, how often they ran and seconds."""


@dataclass
class Model:
    """Differences over the observed time."""

    seconds: float = 0
    requests: float = 0
    shop_cpu: float = 0
    exporter_cpu: float = 0
    sampling_ratio: float = 0
    runs: dict[Program, float] = field(default_factory=dict)  # of the whole node
    run_seconds: dict[Program, float] = field(default_factory=dict)
    empty_run_seconds: dict[str, float] = field(default_factory=dict)  # program → of one run that does nothing
    shop_events: dict[str, float] = field(default_factory=dict)
    node_events: dict[str, float] = field(default_factory=dict)
    collector_seconds: dict[str, float] = field(default_factory=dict)  # mean duration in one scrape


def observe(bench: Observed, seconds: float, scrape_interval: float) -> Model:
    """Runs the exporter beside the shop for a while, scraped as a Prometheus would, and then empty programs."""
    with bench.exporter([]):
        first = _snapshot(bench)
        scrapes = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(scrape_interval, max(0.0, deadline - time.monotonic())))
            scrapes.append(client.scrape(bench.url, "sonde_scrape_collector_duration_seconds"))
        last = _snapshot(bench)
    model = Model(**{key: _difference(last[key], first[key]) for key in first})
    model.sampling_ratio = last["sampling_ratio"]
    for scrape in scrapes:
        for sample in scrape:
            name = sample.labels["collector"]
            model.collector_seconds[name] = model.collector_seconds.get(name, 0) + sample.value / len(scrapes)
    with bench.empty_programs("--hold-empty") as runs:
        time.sleep(seconds)
    model.empty_run_seconds = {name: spent / count for name, (count, spent) in runs.items() if count}
    return model


def _difference(last: Any, first: Any) -> Any:
    if isinstance(last, dict):
        assert isinstance(first, dict)
        return {key: value - first.get(key, 0) for key, value in last.items()}
    assert isinstance(first, float)
    return last - first


def _snapshot(bench: Observed) -> dict[str, Any]:
    page = client.get(bench.url)  # once: a scrape costs the exporter, too

    def by_program(name: str) -> dict[Program, float]:
        rows = client.samples(page, name)
        return {(row.labels["topic"], row.labels["program"]): row.value for row in rows}

    events = {topic: client.samples(page, metric) for topic, metric in EVENTS.items()}
    ratio = client.samples(page, "sonde_exporter_syscalls_sampling_ratio")
    return {
        "seconds": time.monotonic(),
        "requests": bench.requests(),
        "shop_cpu": bench.cpu_seconds(),
        "exporter_cpu": bench.exporter_cpu_seconds(),
        "sampling_ratio": ratio[0].value if ratio else 0.0,
        "runs": by_program("sonde_exporter_bpf_runs_total"),
        "run_seconds": by_program("sonde_exporter_bpf_run_seconds_total"),
        "shop_events": {t: sum(s.value for s in rows if s.labels["container"]) for t, rows in events.items()},
        "node_events": {t: sum(s.value for s in rows) for t, rows in events.items()},
    }


def report(model: Model, path_ns: float) -> None:
    """Each part as a share of the shop's CPU time."""
    print(
        f"computed over {model.seconds:.0f} s: {model.requests / model.seconds:.0f} requests/s, "
        f"{model.shop_cpu / model.requests * 1e6:.0f} µs of the shop's CPU a request"
    )
    total = 0.0

    def line(what: str, seconds: float, detail: str) -> None:
        nonlocal total
        total += seconds
        print(f"  {what:<32} {100 * seconds / model.shop_cpu:6.3f} %  {detail}")

    for (topic, program), runs in sorted(model.runs.items()):
        if not runs:
            continue
        node = model.node_events.get(topic, 0)
        share = model.shop_events.get(topic, 0) / node if node > 0 else 0.0
        gross = model.run_seconds[topic, program] / runs
        empty = model.empty_run_seconds.get(program, 0)
        line(
            f"programs: {topic}/{program}",
            share * runs * max(0.0, gross - empty),
            f"{runs / model.seconds:.0f} runs/s of {gross * 1e9:.0f} - {empty * 1e9:.0f} ns (empty), "
            f"{100 * share:.1f} % of them the shop's",
        )
    syscalls = model.shop_events.get("syscalls", 0)
    line(
        "slower syscall path",
        syscalls * model.sampling_ratio * path_ns * 1e-9,
        f"{syscalls / model.seconds:.0f} syscalls/s, traced {100 * model.sampling_ratio:.1f} % of the time",
    )
    line("exporter's own CPU", model.exporter_cpu, f"{1e3 * model.exporter_cpu / model.seconds:.2f} ms/s")
    print(f"  {'sum':<32} {100 * total / model.shop_cpu:6.3f} %")
    scrape = sum(model.collector_seconds.values())
    for name, seconds in sorted(model.collector_seconds.items(), key=lambda item: -item[1]):
        print(f"  collector {name:<16} {100 * seconds / scrape:5.1f} % of a scrape, {seconds * 1e6:.0f} µs")
