#!/usr/bin/env python3
"""A sender, a network and a receiver that are slow on purpose: whether the trace names the right one.

usage: trace_verdicts.py [--runs N]    N of each part (20 for the figure in docs/tracing.md); fails below 19 of 20,
                                       and at the first wrong one of fewer
"""
import argparse
import collections
import glob
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delay import Delay  # noqa: E402
from pod_networks import PodNetworks, enter  # noqa: E402
from trace_scene import PORT, RunningExporter, Scene, Traces, attached_programs  # noqa: E402

SECONDS = 2.0
WORST_RUNS = 1 / 20  # that may name another part: none of fewer runs
BURNERS = 3
# What is made slow takes a tenth of a trace at least. Where others made the ends wait for more than that, a trace that names them
# is right as well.
MOST_DISTURBED_SECONDS = SECONDS / 10
TRIES = 5


@contextmanager
def slow_queue(scene: Scene) -> Iterator[None]:
    """The sender's interface sends slower than it is given packets."""
    rate = int(scene.size / scene.every * 8 * random.uniform(1.1, 1.4))
    device = [*enter(scene.pods.namespace("sender-1")), "tc", "qdisc"]
    subprocess.run([*device, "add", "dev", "eth0", "root", "tbf", "rate", f"{rate}bit", "burst", "2000", "limit",
                    "1000000"], check=True)
    yield
    subprocess.run([*device, "del", "dev", "eth0", "root"], check=True)


@contextmanager
def starved(scene: Scene, end: str) -> Iterator[None]:
    """Another pod's processes take the CPU of one end."""
    cpu = random.randrange(os.cpu_count() or 1)
    scene.cpus[end] = cpu
    scene.cpus["receiver" if end == "sender" else "sender"] = (cpu + 1) % (os.cpu_count() or 1)
    scene.shares(f"{end}-1", random.randrange(8, 32))
    for _ in range(BURNERS):
        scene.start("rival-1", "burn", str(cpu))
    yield


def starved_sender(scene: Scene) -> "contextmanager[None]":
    """The sender waits for a CPU."""
    return starved(scene, "sender")


def starved_reader(scene: Scene) -> "contextmanager[None]":
    """The reader waits for a CPU."""
    return starved(scene, "receiver")


@contextmanager
def delayed_data(scene: Scene) -> Iterator[None]:
    """The node between the pods holds the data back."""
    with scene.pods.filter_bridge(), Delay(scene.pods.node, random.uniform(0.003, 0.03), "--dport", str(PORT),
                                           chain="FORWARD"):
        yield


@contextmanager
def delayed_answers(scene: Scene) -> Iterator[None]:
    """The node between the pods holds back what the receiver answers."""
    with scene.pods.filter_bridge(), Delay(scene.pods.node, random.uniform(0.003, 0.03), "--sport", str(PORT),
                                           chain="FORWARD"):
        yield


@contextmanager
def crowded_queue(scene: Scene) -> Iterator[None]:
    """Another pod's datagrams stand in front of the data in the queue of the receiver's host end."""
    rate = 10 * scene.size / scene.every  # bytes a second
    every = random.uniform(0.06, 0.12)
    device = [*enter(scene.pods.node), "tc", "qdisc"]
    end = scene.pods.host_end("receiver-1")
    subprocess.run([*device, "add", "dev", end, "root", "tbf", "rate", f"{rate * 8:.0f}bit", "burst", "10000", "limit",
                    "10000000"], check=True)
    # As long as the queue needs for it, the next one follows after the same time again.
    scene.start("rival-1", "burst", scene.pods.address("receiver-1"), f"{rate * every / 2:.0f}", f"{every:.4f}", "-1")
    yield
    subprocess.run([*device, "del", "dev", end, "root"], check=True)


@contextmanager
def late_reader(scene: Scene) -> Iterator[None]:
    """The receiving program does other things before it reads."""
    scene.late = scene.every + random.uniform(0.005, 0.03)  # it is still busy when the next message comes
    yield


@contextmanager
def full_receiver(scene: Scene) -> Iterator[None]:
    """It reads slower than it is sent to, so that its buffer is full and the sender has to wait."""
    scene.late = random.uniform(0.2, 0.3)
    scene.size = 8_000_000
    scene.every = 0.001
    yield


KINDS: dict[str, list[Callable[[Scene], "contextmanager[None]"]]] = {
    "sender_host": [slow_queue, starved_sender],
    "network": [delayed_data, delayed_answers, crowded_queue],
    "receiver_host": [late_reader, starved_reader, full_receiver],
}


def waited_seconds(processes: list[int]) -> float:
    """How long they have waited for a CPU since they were started, as the kernel's scheduler tells."""
    waited = 0
    for process in processes:
        with open(f"/proc/{process}/schedstat", encoding="ascii") as file:
            waited += int(file.read().split()[1])
    return waited / 1e9


def softirq_threads() -> list[int]:
    """The processes in which the kernel delivers packets when it is busy."""
    found = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with suppress(OSError), open(path, encoding="ascii") as file:
            if file.read().startswith("ksoftirqd/"):
                found.append(int(path.split("/")[2]))
    return found


def run_once(scene: Scene, traces: Traces, slow: Callable[[Scene], "contextmanager[None]"]) -> tuple[dict[str, object], str, float]:
    """Makes one end slow and traces it; returns the report, the part of the stages with the most time, and for how many seconds
    others than the test kept the ends and the kernel from their CPUs."""
    with ExitStack() as stack:
        stack.callback(scene.end)
        stack.enter_context(slow(scene))
        port = scene.connect()
        starved_end = {starved_sender: scene.sender, starved_reader: scene.receiver}.get(slow)
        watched = [end.pid for end in (scene.sender, scene.receiver) if end is not starved_end]
        if not starved_end:  # whose rivals may take the kernel's CPU too
            watched += softirq_threads()
        before, waited_before = traces.part_seconds(), waited_seconds(watched)
        report = traces.make({"flow": scene.flow(port), "seconds": SECONDS})
        after, waited_after = traces.part_seconds(), waited_seconds(watched)
    return report, max(KINDS, key=lambda part: after[part] - before[part]), waited_after - waited_before


def run_undisturbed(pods: PodNetworks, traces: Traces, slow: Callable[[Scene], "contextmanager[None]"]) -> tuple[dict[str, object], str]:
    """The same, once more where this machine had too much else to do; the verdict has no part in that."""
    for _ in range(TRIES):
        report, histogram, waited = run_once(Scene(pods), traces, slow)
        if waited <= MOST_DISTURBED_SECONDS:
            break
        print(f"{slow.__name__}: others took the CPUs for {waited:.2f} s of {SECONDS:g}", flush=True)
    return report, histogram


# Who waits for what the rival has.
VICTIMS = {starved_sender: ("cpu", "sender-1"), starved_reader: ("cpu", "receiver-1"), crowded_queue: ("interface", "sender-1")}


def check_rival(report: dict[str, object], resource: str, victim: str) -> bool:
    """Whether the first culprit for what the victim waited for is the pod that computed, or sent datagrams."""
    for contention in report["culprits"]:
        if contention["resource"] == resource and contention["victim"] and contention["victim"]["pod"] == victim:
            workload = contention["culprits"][0]["workload"]
            return workload is not None and workload["pod"] == "rival-1"
    return False


def main() -> None:
    """Runs all kinds in random order and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="of each of the three parts")
    parser.add_argument("--only", help="this kind of slowness only")
    parser.add_argument("--keep", help="write the reports of wrong verdicts to this folder")
    arguments = parser.parse_args()
    plan = [(part, kinds[i % len(kinds)]) for part, kinds in KINDS.items() for i in range(arguments.runs)]
    if arguments.only:
        plan = [(part, kind) for part, kinds in KINDS.items() for kind in kinds if kind.__name__ == arguments.only] * arguments.runs
    random.shuffle(plan)
    verdicts: collections.Counter[tuple[str, bool]] = collections.Counter()
    histograms: collections.Counter[tuple[str, bool]] = collections.Counter()
    rivals: collections.Counter[bool] = collections.Counter()
    with ExitStack() as stack:
        pods = stack.enter_context(PodNetworks("sender-1", "receiver-1", "rival-1"))
        # The programs of flows know the pods' addresses.
        exporter = stack.enter_context(RunningExporter("--collector.disable-defaults", "--collector.bpf_self", "--collector.flow_rtt",
                                                       f"--flows.network-namespace={pods.node}"))
        traces = Traces(exporter)
        for part, slow in plan:
            report, histogram = run_undisturbed(pods, traces, slow)
            pair = report["pairs"][0] if report["pairs"] else {"slowest": "none", "share": {}, "confidence": 0.0}
            verdicts[part, pair["slowest"] == part] += 1
            histograms[part, histogram == part] += 1
            if slow in VICTIMS:
                named = check_rival(report, *VICTIMS[slow])
                rivals[named] += 1
                if not named:
                    print(f"another culprit: {report['culprits']}", flush=True)
            shares = ", ".join(f"{name} {share:.2f}" for name, share in pair["share"].items())
            stages = {f"{way} {stage}": found["mean_seconds"] for way in ("there", "back")
                      for stage, found in pair.get(way, {}).get("stages", {}).items()}
            longest = ", ".join(f"{stage} {stages[stage] * 1e3:.1f} ms" for stage in sorted(stages, key=lambda stage: -stages[stage])[:3])
            print(f"{slow.__name__}: {pair['slowest']} ({shares}; {longest}; confidence {pair['confidence']:.2f}); histogram: {histogram}",
                  flush=True)
            if arguments.keep and (pair["slowest"] != part or histogram != part):
                with open(f"{arguments.keep}/{slow.__name__}-{time.time():.0f}.json", "w", encoding="utf-8") as file:
                    json.dump(report, file, indent=1)
        left = attached_programs()
        assert not left, f"attached although no trace runs: {left}"
    for part in KINDS:
        print(f"{part}: verdict right {verdicts[part, True]} of {verdicts[part, True] + verdicts[part, False]}, "
              f"histogram {histograms[part, True]} of {histograms[part, True] + histograms[part, False]}")
    print(f"the rival named first: {rivals[True]} of {sum(rivals.values())}")
    for counted in (verdicts, histograms):
        for part in KINDS:
            wrong, all_runs = counted[part, False], counted[part, False] + counted[part, True]
            assert wrong <= int(all_runs * WORST_RUNS), f"{part}: {wrong} of {all_runs} wrong"
    assert rivals[False] <= int(sum(rivals.values()) * WORST_RUNS), rivals


if __name__ == "__main__":
    main()
