"""Nanoseconds a packet above an empty tc program, of the whole of bpf/flow_rtt and of the paper's design beside it.

Attached to the host end of a sending pod, so what the container sends is data and what it receives are ACKs. Each round
runs every design once, in random order, under bulk flows: MTU-sized packets, then GSO. Printed: medians over the rounds
of (run time / runs), less the empty program's of the same round, with the middle half of them.

usage: python3 tests/bench/flow_cost packets [--rounds 15] [--seconds 1] [--flows 8]
"""
import argparse
import os
import random
import statistics
import subprocess

from pod_networks import PodNetworks, enter
from stats import bpf_stats

BUILD = os.environ.get("SONDE_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "build",
                                                   "release"))
DESIGN_AT = os.path.join(BUILD, "bench", "flow_design_at")
EMPTY, SONDE, PAPER = "empty", "sonde", "paper"
PORT = 5201



class Design:
    """One design, attached to the sender's host end while the block lasts."""

    def __init__(self, pods: PodNetworks, name: str) -> None:
        self._command = [*enter(pods.node), DESIGN_AT, name, pods.host_end("client")]

    def __enter__(self) -> "Design":
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            raise RuntimeError(f"{self._command}: not attached")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def runs(self) -> list[int]:
        """Runs and nanoseconds so far, of what the container sends and of what it receives."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [int(word) for word in self._answer().split()]


def measure(pods: PodNetworks, name: str, options: argparse.Namespace) -> tuple[float, float]:
    """Nanoseconds a run, of what the container sends and of what it receives."""
    with Design(pods, name) as design:
        before = design.runs()
        pods.run("client", "iperf3", "-c", pods.address("server"), "-p", str(PORT), "-P", str(options.flows), "-C", "cubic",
                 "-t", str(options.seconds))
        sent, sent_ns, received, received_ns = (after - start for after, start in zip(design.runs(), before))
        return sent_ns / sent, received_ns / received


def report(kind: str, rounds: list[dict[str, tuple[float, float]]]) -> None:
    for name in (EMPTY, SONDE, PAPER):
        cells = []
        for direction in (0, 1):
            values = [one[name][direction] - (one[EMPTY][direction] if name != EMPTY else 0) for one in rounds]
            low, middle, high = statistics.quantiles(values, n=4)
            cells.append(f"{middle:.0f} ({low:.0f} to {high:.0f})")
        print(f"| {kind} | {name} | {cells[0]} | {cells[1]} |", flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=1, help="of each design in each round")
    parser.add_argument("--flows", type=int, default=8)
    options = parser.parse_args(arguments)
    with PodNetworks("client", "server") as pods, bpf_stats():
        server = pods.start("server", "iperf3", "-s", "-p", str(PORT), "--forceflush")
        assert server.stdout is not None
        while b"listening" not in server.stdout.readline():
            pass
        server.stdout.close()
        print("| packets | design | sent: data, ns | received: ACKs, ns |\n|---|---|---|---|")
        for kind, segments in (("MTU-sized", 1), ("GSO", 65535)):
            for pod in ("client", "server"):
                pods.run(pod, "ip", "link", "set", "eth0", "gso_max_segs", str(segments))
            rounds = []
            for _ in range(options.rounds):
                order = [EMPTY, SONDE, PAPER]
                random.shuffle(order)
                rounds.append({name: measure(pods, name, options) for name in order})
            report(kind, rounds)
