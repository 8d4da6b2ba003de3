#!/usr/bin/env python3
"""Which pair sees which delay: the table of docs/network.md, with packets made late in each of its three places."""
import os
import sys
import unittest
from collections.abc import Iterator
from contextlib import contextmanager

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from counts_test import start  # noqa: E402
from delay import Delay  # noqa: E402
from flows_page import settled_page, total  # noqa: E402
from peers import PORT, ask, serve  # noqa: E402
from pod_networks import NODE, PodNetworks  # noqa: E402

DELAY = 0.040
LONG, SHORT = DELAY / 2, DELAY / 8
# Three such connections ask for more than the queue's rate, so that it is never empty.
TALK = ("--flows", "3", "--request", "20000", "--response", "500", "--rate", "20", "--seconds", "4")
QUEUE_BITS = 4_000_000
A, B = "client-1", "server-1"


@contextmanager
def between(pods: PodNetworks) -> Iterator[None]:
    """The node between the host ends holds back what goes to b."""
    with pods.filter_bridge(), Delay(pods.node, DELAY, "--dport", str(PORT), chain="FORWARD"):
        yield


@contextmanager
def host_end(pods: PodNetworks) -> Iterator[None]:
    """The queue of b's host end is slower than what it is given."""
    device = ("qdisc", "add", "dev", pods.host_end(B), "root")
    pods.run(NODE, "tc", *device, "tbf", "rate", f"{QUEUE_BITS}bit", "burst", "2000", "limit", "1000000")
    yield
    pods.run(NODE, "tc", "qdisc", "del", "dev", pods.host_end(B), "root")


@contextmanager
def inside(pods: PodNetworks) -> Iterator[None]:
    """b's own kernel holds back what it receives."""
    with Delay(pods.namespace(B), DELAY, "--dport", str(PORT)):
        yield


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces and BPF")
class SeenDelays(unittest.TestCase):
    def means(self, place: object) -> dict[str, float]:
        """Mean seconds by pod and metric while packets are late in that place."""
        names = [(pod, metric) for pod in (A, B) for metric in ("rtt", "local_rtt")]
        with PodNetworks(A, B) as pods, start(pods) as exporter:
            for pod in (A, B):  # an ACK that is delayed by the receiver's timer is no delay of the network
                route = pods.run(pod, "ip", "route").split(" proto ")[0].split()
                pods.run(pod, "ip", "route", "replace", *route, "quickack", "1")
            serve(pods, B)
            with place(pods):  # type: ignore[operator]
                client, _ = ask(pods, A, pods.address(B), *TALK)
                client.wait()
                page = settled_page(exporter)
        return {f"{pod} {metric}": total(page, f"sonde_flow_{metric}_seconds_sum", pod=pod)
                / total(page, f"sonde_flow_{metric}_seconds_count", pod=pod) for pod, metric in names}

    def expect(self, place: object, *seen: str) -> None:
        means = self.means(place)
        print({name: f"{mean * 1e3:.2f} ms" for name, mean in means.items()}, file=sys.stderr)
        for name, mean in means.items():
            if name in seen:
                self.assertGreater(mean, LONG, name)
            else:
                self.assertLess(mean, SHORT, name)

    def test_between_the_host_ends_both_round_trips_see_it(self) -> None:
        self.expect(between, f"{A} rtt", f"{B} rtt")

    def test_in_the_queue_of_a_host_end_it_is_the_pods_own_time(self) -> None:
        self.expect(host_end, f"{A} rtt", f"{B} local_rtt")

    def test_inside_of_the_pod_it_is_its_own_time(self) -> None:
        self.expect(inside, f"{A} rtt", f"{B} local_rtt")


if __name__ == "__main__":
    unittest.main(verbosity=2)
