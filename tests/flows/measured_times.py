"""Smoothed RTTs that sonde-exporter tells, against delays that only the test knows, and against the kernel's own."""
import random
import statistics
import subprocess
import time
import unittest
from collections.abc import Iterable

from delay import Delay, Packet
from flows_page import Flow
from peers import ask, sockets
from pod_networks import PodNetworks

READS = 12
# Before each reading: asking takes the processor, which the next packets feel, and the average remembers for a while.
CALM_SECONDS, CALM_TRIPS = 0.2, 4
# Of the smoothed RTT, for delays from 10 ms on and for shorter ones: from the delay that was applied plus the undelayed
# base, and from what ss says of the same connection.
FROM_APPLIED, FROM_APPLIED_SHORT = 0.02, 0.10
FROM_SS, FROM_SS_SHORT = 0.01, 0.05
SHORT_SECONDS = 0.005
# Of a hundred flows some meet a moment at which the machine was busy: so many are within the bounds, and all near them.
SHARE_WITHIN, NEAR = 0.9, 0.06
# A smoothed RTT is what the last ten packets or so met; on a machine that does other work too a whole measurement may be
# disturbed. It is then made anew, so often at most, and each is printed.
ATTEMPTS = 3


def drawn(nominal: float) -> float:
    """A delay around the nominal one that no other run has."""
    return nominal * random.uniform(0.8, 1.25)


class Measured(unittest.TestCase):
    """A pod whose connections' packets are delayed on their way; where, and who tells of them, is the test's choice."""

    client_pods: PodNetworks  # has the client
    client = "client-1"
    bases: dict[tuple[str, ...], float]

    def delay(self, seconds: float) -> Delay:
        """Delays what the client sends."""
        raise NotImplementedError

    def listed(self) -> dict[int, Flow]:
        """What GET /flows says of the client's connections, by their ports."""
        raise NotImplementedError

    def connect(self, address: str, *options: str) -> "tuple[subprocess.Popen[bytes], list[int]]":
        """A client that talks, and its ports."""
        return ask(self.client_pods, self.client, address, *options)

    def sockets(self) -> dict[int, dict[str, float]]:
        """What ss says of the client's connections, by their ports."""
        return sockets(self.client_pods, self.client)

    def applied(self, packets: Iterable[Packet], ports: list[int]) -> dict[int, list[float]]:
        """Port → the delays that its packets met."""
        delays: dict[int, list[float]] = {port: [] for port in ports}
        for packet in packets:
            if packet.source_port in delays:
                delays[packet.source_port].append(packet.delay)
        return delays

    def read(self, ports: list[int], seconds: float) -> dict[int, tuple[float, float]]:
        """Port → the medians of what the exporter and ss say of the smoothed RTT, read in turn."""
        ours: dict[int, list[float]] = {port: [] for port in ports}
        kernels: dict[int, list[float]] = {port: [] for port in ports}
        for _ in range(READS):
            time.sleep(max(CALM_SECONDS, CALM_TRIPS * seconds))
            for port, flow in self.listed().items():
                if port in ours and flow["rtt"]:
                    ours[port].append(flow["rtt"]["smoothed_seconds"])
            time.sleep(max(CALM_SECONDS, CALM_TRIPS * seconds))
            by_ss = self.sockets()
            for port in ports:
                kernels[port].append(by_ss[port]["rtt"])
        return {port: (statistics.median(ours[port]), statistics.median(kernels[port])) for port in ports}

    def measure(self, seconds: float, address: str, *options: str) -> list[tuple[float, float, float]]:
        """For each flow: RTT by the exporter, by ss, and the delay that its packets met."""
        with self.delay(seconds) as delay:
            client, ports = self.connect(address, *options)
            time.sleep(1 + 12 * seconds)  # until the first samples weigh nothing any more
            begin = time.monotonic()
            read = self.read(ports, seconds)
            end = time.monotonic()
            time.sleep(0.2)
            self.assertEqual(delay.dropped(), 0)
            applied = self.applied((packet for packet in delay.packets() if begin < packet.arrived < end), ports)
            self.client_pods.cgroups.end(client)
        return [(*read[port], statistics.median(applied[port])) for port in ports]

    def base(self, address: str, *options: str) -> float:
        """The RTT that is no delay: what ss says of the same traffic through the same daemon when it does not wait."""
        if (address, *options) not in self.bases:
            measured = self.measure(0, address, *options)
            self.bases[(address, *options)] = statistics.median(kernels - applied for _, kernels, applied in measured)
        return self.bases[(address, *options)]

    @staticmethod
    def right(measured: tuple[float, float, float], base: float, bounds: tuple[float, float]) -> bool:
        """Near what was applied, and near what ss says or nearer to the truth than that.

        Where one packet in a hundred is lost ss has been seen two to three in a hundred above what was applied.
        """
        ours, kernels, applied = measured
        truth = applied + base
        near_ss = abs(ours / kernels - 1) <= bounds[1] or abs(ours - truth) <= abs(kernels - truth)
        return abs(ours / truth - 1) <= bounds[0] and near_ss

    def check(self, nominal: float, address: str, *options: str) -> None:
        """The exporter's RTT is right by both measures."""
        bounds = (FROM_APPLIED_SHORT, FROM_SS_SHORT) if nominal < SHORT_SECONDS else (FROM_APPLIED, FROM_SS)
        base = self.base(address, *options)
        for attempt in range(ATTEMPTS):
            measured = self.measure(drawn(nominal), address, *options)
            errors = [(ours / (applied + base) - 1, ours / kernels - 1) for ours, kernels, applied in measured]
            worst = [max((error[which] for error in errors), key=abs) for which in (0, 1)]
            within = sum(self.right(one, base, bounds) for one in measured)
            ours, kernels, applied = (statistics.median(column) for column in zip(*measured, strict=True))
            print(f"{len(measured)} flows to {address}: exporter {ours * 1e3:.3f} ms, ss {kernels * 1e3:.3f}, applied "
                  f"{applied * 1e3:.3f} + base {base * 1e3:.3f}; worst {worst[0]:+.2%} and {worst[1]:+.2%}, {within} within the bounds",
                  flush=True)
            needed = len(measured) if len(measured) < 10 else SHARE_WITHIN * len(measured)
            if within >= needed and (len(measured) < 10 or max(map(abs, worst)) < NEAR):
                return
        self.fail(f"{ATTEMPTS} measurements, none within {bounds}; the last: {worst}")
