#!/usr/bin/env python3
"""How often and how fast the running loop tells the fault and its service, and how often it tells one where there is none.

A campaign on the demo shop is learnt from (or the table of an earlier one: --table); then, with the trained model in
the analyzer, a second campaign with another seed is told. Of the second: for each injection, whether the first service
and fault of sonde_service_fault_told while it was there were the right ones, and how
long after its start; of the steps of the pauses, how many named a fault. Printed per fault and pooled, with the 95 % binomial
interval (Wilson). A service that is named in a phase of heavy workload is a wrong name. Steps that lie within SETTLE_SECONDS of
an end, or a second before a start, are no one's and are told. With --calibrate-seconds the model is first moved to the load at hand by so long a time without faults, for a
table of another load. With --unscraped-injector a third campaign follows, while Prometheus does not see the injector.
FOLDER/detection*.json keep the figures, the windows and everything that was told.

usage: python3 -m tests.bench.fault_detection [--train full | --table campaign.csv.gz [--calibrate-seconds S]] [--repeat 4]
                                      [--injection-seconds 20] [--pause-seconds 14] [--seed 1] [--rate 60]
                                      [--unscraped-injector] [--output FOLDER]
       python3 -m tests.bench.fault_detection --again FOLDER/detection.json …
"""
import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

from demo.loop import campaign, client
from demo.loop.loop import Loop
from demo.loop.progress import say
from tests.bench import fault_effects

STEP_SECONDS = 2.0


@dataclass(frozen=True)
class Window:
    """One injected fault, as the injector's own journal and labels have it."""

    service: str
    fault: str
    start: float
    end: float


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    z, share = 1.96, right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return middle - half, middle + half


def query_range(loop: Loop, promql: str, start: float, end: float) -> list[dict[str, Any]]:
    """The series of a range query, each with its labels and (time, value) pairs."""
    page = client.get_json(
        loop.prometheus_url + "/api/v1/query_range",
        {"query": promql, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{STEP_SECONDS:g}"},
    )
    return list(page["data"]["result"])


def by_target(loop: Loop, name: str, start: float, end: float) -> dict[tuple[str, str], fault_effects.Points]:
    """A metric of the injector, by service and fault."""
    return {
        (one["metric"].get("service", ""), one["metric"].get("fault", "")): [(float(at), float(value)) for at, value in one["values"]]
        for one in query_range(loop, name, start, end)
    }


class Watcher:
    """Follows the injector's page, whether Prometheus scrapes it or not: what was there from when to when."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self._open: dict[tuple[str, str], float] = {}

    def look(self, loop: Loop) -> None:
        """Notes what began and what ended since the last look."""
        now = {
            (sample.labels["service"], sample.labels["fault"])
            for sample in loop.scrape("injector", "sonde_fault_in_place")
            if sample.value == 1
        }
        if any(sample.value == 1 for sample in loop.scrape("injector", "sonde_workload_heavy")):
            now.add(("", "heavy workload"))
        for key in now - self._open.keys():
            self._open[key] = time.time()
        for key in self._open.keys() - now:
            self.windows.append(Window(*key, self._open.pop(key), time.time()))


def watch(loop: Loop) -> list[Window]:
    """The windows of the campaign that runs, once it is over."""
    watcher = Watcher()
    process = loop.watch.processes["injector"]
    while process.running():
        try:
            watcher.look(loop)
        except client.Unavailable:
            pass  # before it serves, or after its end
        time.sleep(0.1)
    return watcher.windows


@dataclass(frozen=True)
class Told:
    """What the analyzer's page said, as Prometheus has it."""

    at: float
    service: str  # "" for a state of all services
    fault: str  # "" where no class was told


def tell(loop: Loop, start: float, end: float) -> list[Told]:
    """Of each step at which the page had probabilities what it told, in order."""
    asked = query_range(loop, "sonde_service_fault_probability", start, end)
    said = {float(at): Told(float(at), "", "") for one in asked for at, _ in one["values"]}
    for one in query_range(loop, "sonde_service_fault_told", start, end):
        for at, _ in one["values"]:
            said[float(at)] = Told(float(at), one["metric"].get("service", ""), one["metric"].get("fault", ""))
    return [told for _, told in sorted(said.items())]


def report(windows: list[Window], tells: list[Told]) -> dict[str, Any]:
    """The figures. An injection is told where the first service and fault that are named in it are the right ones."""
    delays: dict[str, list[float]] = {}
    wrong: dict[str, int] = {}
    for window in (window for window in windows if window.service):
        # What is shown at its very begin is of before: the page's values were made of the two steps behind them.
        named = [said for said in tells if said.service and window.start + 1 <= said.at <= window.end + STEP_SECONDS]
        right = [(said.service, said.fault) == (window.service, window.fault) for said in named]
        delays.setdefault(window.fault, []).append(named[0].at - window.start if right[:1] == [True] else math.inf)
        wrong[window.fault] = wrong.get(window.fault, 0) + right.count(False)
    heavy = [window for window in windows if not window.service]
    in_heavy = [said for said in tells if any(window.start + 1 <= said.at <= window.end + STEP_SECONDS for window in heavy)]
    quiet = [said for said in tells if all(not window.start - 1 <= said.at <= window.end + campaign.SETTLE_SECONDS for window in windows)]
    paused = [said for said in tells if all(not window.start <= said.at <= window.end for window in windows)]
    return {"delays": delays, "wrong_ticks": wrong, "quiet_ticks": len(quiet), "false_alarms": sum(bool(said.service) for said in quiet),
            "heavy_ticks": len(in_heavy), "named_in_heavy": sum(bool(said.service) for said in in_heavy),
            "edge_ticks": len(paused) - len(quiet)}  # fmt: skip


def show(figures: dict[str, Any]) -> None:
    """Prints the table."""
    print("| fault | first named right | 95 % interval | median s from start to it, misses last | slowest | steps with a wrong name |\n|---|---|---|---|---|---|")
    rows = [(fault, delays, figures["wrong_ticks"][fault]) for fault, delays in sorted(figures["delays"].items())]
    rows.append(("all", [delay for row in rows for delay in row[1]], sum(row[2] for row in rows)))
    for fault, delays, wrong in rows:
        hits = [delay for delay in delays if delay < math.inf]
        low, high = wilson(len(hits), len(delays))
        slowest = f"{max(hits):.1f}" if hits else "–"
        print(f"| {fault} | {len(hits)} of {len(delays)} | {low:.2f} to {high:.2f} | {statistics.median(delays):.1f} | {slowest} | {wrong} |")
    print(f"\nfalse alarms: {figures['false_alarms']} of {figures['quiet_ticks']} steps without a fault at which anything was told; "
          f"{figures['edge_ticks']} more lie at an edge\na service named under heavy workload: {figures['named_in_heavy']} of "
          f"{figures['heavy_ticks']} steps", flush=True)  # fmt: skip


def examine(loop: Loop, exam: campaign.Size, options: argparse.Namespace, name: str) -> None:
    """Runs a campaign that nobody learns from, and keeps and prints what was told of it."""
    start = time.time()
    campaign.start(loop, exam, options.seed + len(name) * 1000, options.rate, name)
    windows = watch(loop)
    end = time.time()
    time.sleep(2 * STEP_SECONDS)  # the last ticks are scraped
    tells = tell(loop, start, end)
    figures = report(windows, tells)
    print(f"\n{name}", flush=True)
    show(figures)
    kept = {**figures, "start": start, "end": end, "windows": [asdict(window) for window in windows], "tells": [astuple(said) for said in tells]}
    (options.output / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")


def show_again(file: Path) -> None:
    """The table of what an earlier run kept."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    print(f"\n{file}", flush=True)
    show(report([Window(**window) for window in kept["windows"]], [Told(*said) for said in kept["tells"]]))


def main() -> int:
    """Exit code: 0 measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", choices=list(campaign.SIZES), default="full")
    parser.add_argument("--table", type=Path, help="learn from this table instead of a campaign")
    parser.add_argument("--calibrate-seconds", type=float, default=0, help="without faults, after --table is learnt from")
    parser.add_argument("--repeat", type=int, default=4, help="injections of each fault in each service, to be told")
    parser.add_argument("--injection-seconds", type=float, default=20)
    parser.add_argument("--pause-seconds", type=float, default=14)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--unscraped-injector", action="store_true", help="a third campaign, not seen by Prometheus")
    parser.add_argument("--output", type=Path, default=Path("build/fault-detection"))
    parser.add_argument("--again", type=Path, nargs="+", metavar="FILE", help="measure nothing: the tables of what earlier runs kept")
    options = parser.parse_args()
    for file in options.again or []:
        show_again(file)
    if options.again:
        return 0
    size = campaign.SIZES[options.train]
    exam = replace(size, repeat=options.repeat, injection_seconds=options.injection_seconds,
                   pause_seconds=options.pause_seconds)  # fmt: skip
    options.output.mkdir(parents=True, exist_ok=True)
    with Loop(options.rate, say=say) as loop:
        began = time.time()
        if options.table:
            print(campaign.train(loop, options.table, options.seed), flush=True)
            if options.calibrate_seconds:
                quiet_from = time.time()
                time.sleep(options.calibrate_seconds)
                print(campaign.calibrate(loop, quiet_from), flush=True)
        else:
            outcome = campaign.run(loop, size, options.seed, options.rate, options.output)
            say(outcome.summary)
            if not outcome.passed:
                return 1
            fault_effects.show(lambda name: by_target(loop, name, began, time.time()))
        examine(loop, exam, options, "detection")
        if options.unscraped_injector:
            loop.watch.stop_scraping("injector")
            examine(loop, exam, options, "detection-unscraped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
