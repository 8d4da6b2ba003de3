"""A campaign on the shop: faults one after the other, a table of labelled rows, classifiers that learn from it."""
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from demo.loop import client
from demo.loop.experiment import Outcome
from demo.loop.loop import PROGRAMS, Loop
from demo.loop.network import Network
from demo.loop.progress import say

TARGETS = ["api-2", "redis", "postgres"]
REPORT_EVERY_SECONDS = 15.0
SETTLE_SECONDS = 6.0
UNPROVEN = 4  # sonde-inject campaign's exit code where some faults showed no effect


@dataclass(frozen=True)
class Size:
    """How long a campaign is. Intensities are drawn from the ranges for each injection."""

    targets: list[str]
    faults: list[str]
    repeat: int
    injection_seconds: float
    pause_seconds: float
    warm_up_seconds: float


CPU = "fault: cpu, cores: [0.4, 0.9], min-effect: 0.3"
MEMORY = "fault: memory, rate: [6MiB, 12MiB], ceiling: 1GiB"  # never reached: a leak that is full looks like none
LOSS = "fault: loss, ratio: [0.08, 0.2]"
LATENCY = "fault: latency, delay: [25ms, 80ms]"
HEAVY = "heavy_workload: [1.6, 2.2]"

SIZES = {
    # For the end-to-end test: the way through, no figures. Each edge of an injection costs three or four rows of 2 s.
    "tiny": Size(TARGETS[:2], [CPU, MEMORY], 2, 14, 16, 20),
    # Three services by four faults, heavy workload, two injections each: one to learn from, one to be tested with.
    "short": Size(TARGETS, [CPU, MEMORY, LOSS, LATENCY, HEAVY], 2, 24, 16, 30),
    # The measured one.
    "full": Size(TARGETS, [CPU, MEMORY, LOSS, LATENCY, HEAVY], 3, 60, 20, 60),
}


def text(size: Size, seed: int, cgroup_of: dict[str, str], network: Network, url: str, rate: float) -> str:
    """The campaign's file."""
    targets = ", ".join(f"{{cgroup: {cgroup_of[name]}}}" for name in size.targets)
    faults = "".join(f"\n  - {{{fault}}}" for fault in size.faults)
    return (
        f"seed: {seed}\nrepeat: {size.repeat}\nwarm_up: {size.warm_up_seconds:g}s\n"
        f"injection_duration: {size.injection_seconds:g}s\npause_time: {size.pause_seconds:g}s\n"
        f"targets: [{targets}]\nfaults:{faults}\n"
        f"workload: {{url: '{url}', rate: {rate:g}, network_namespace: {network.file('load')}}}\n"
    )


def start(loop: Loop, size: Size, seed: int, rate: float, name: str = "campaign") -> None:
    """Starts the campaign, which brings its own load: the shop's ends."""
    path = loop.run.folder / f"{name}.yml"
    shop = loop.shop
    cgroups = {target: shop.tree.path(target) for target in size.targets}
    path.write_text(text(size, seed, cgroups, shop.network, shop.url(), rate), encoding="utf-8")
    if "load" in loop.shop.processes:
        loop.end_load()
    loop.watch.campaign(path)


def progress(loop: Loop) -> tuple[float, float]:
    """Injections that are over, and all of them."""
    ended = sum(sample.value for sample in loop.scrape("injector", "sonde_campaign_injections_ended_total"))
    return ended, loop.scrape("injector", "sonde_campaign_injections")[0].value


def running(loop: Loop) -> str:
    """Which faults are in place now, in a few words."""
    names = [
        f"{sample.labels['fault']} in {sample.labels['container']}"
        for sample in loop.scrape("injector", "sonde_fault_in_place")
        if sample.value == 1
    ]
    heavy = any(sample.value == 1 for sample in loop.scrape("injector", "sonde_workload_heavy"))
    return ", ".join(names + (["heavy workload"] if heavy else [])) or "no fault"


def wait(loop: Loop) -> int | None:
    """Until the campaign has ended; its exit code."""
    process = loop.watch.processes["injector"]
    next_report = 0.0
    while process.running():
        loop.check()
        if time.monotonic() >= next_report:
            next_report = time.monotonic() + REPORT_EVERY_SECONDS
            try:
                ended, of = progress(loop)
                say(f"campaign: {ended:.0f} of {of:.0f} injections are over; now {running(loop)}")
            except (client.Unavailable, IndexError):
                pass  # it has not begun to serve yet, or has just ended
        time.sleep(0.5)
    return process.exit_code


def analyze(*words: str) -> str:
    """Runs sonde-analyzer; what it printed."""
    done = subprocess.run(
        [str(PROGRAMS / "sonde-analyzer"), *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"sonde-analyzer {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout + done.stderr


def make_table(loop: Loop, began: float, table: Path) -> str:
    """Reads the campaign's rows out of Prometheus; what sonde-analyzer says of them."""
    return analyze(
        "dataset",
        f"--config.file={loop.run.folder / 'analyzer.yml'}",
        f"--from={began:.3f}",
        f"--to={time.time():.3f}",
        f"--settle={SETTLE_SECONDS:g}s",
        f"--namespace={loop.namespace}",
        "--injection-column",
        f"--output={table}",
    )


def train(loop: Loop, table: Path, seed: int) -> str:
    """Trains the classifiers, which the running analyzer then takes up; what sonde-analyzer says of it."""
    return analyze("train", f"--input={table}", f"--model={loop.model_folder}", f"--seed={seed}")


def calibrate(loop: Loop, quiet_from: float) -> str:
    """Moves the trained model to what is normal since then; what sonde-analyzer says of it."""
    return analyze(
        "calibrate",
        f"--config.file={loop.run.folder / 'analyzer.yml'}",
        f"--from={quiet_from:.3f}",
        f"--namespace={loop.namespace}",
        f"--model={loop.model_folder}",
    )


def run(loop: Loop, size: Size, seed: int, rate: float, output: Path) -> Outcome:
    """Campaign, table, training, report. Passes where all of them did; the figures are printed, not judged."""
    output.mkdir(parents=True, exist_ok=True)
    began = time.time()
    start(loop, size, seed, rate)
    code = wait(loop)
    if code not in (0, UNPROVEN):
        return Outcome(False, f"the campaign ended with {code}: {loop.watch.processes['injector'].log_tail()}")
    table = output / "campaign.csv.gz"
    print(make_table(loop, began, table), flush=True)
    say("training")
    print(train(loop, table, seed), flush=True)
    report = analyze(
        "evaluate", "classify", f"--train={table}", "--split=groups", "--group=injection", "--test-share=0.34",
        f"--seed={seed}", f"--confusion={output / 'confusion'}", "--published",
    )  # fmt: skip
    (output / "report.md").write_text(report, encoding="utf-8")
    print(report, flush=True)
    say(f"table, report and pictures are in {output}")
    unproven = " some faults showed no effect and label nothing," if code == UNPROVEN else ""
    return Outcome(True, f"the campaign is over,{unproven} the classifiers are trained and in use")
