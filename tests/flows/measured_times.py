"""Smoothed RTTs that sonde-exporter tells, against delays that only the test knows, and against the kernel's own."""
import functools
import random
import statistics
import subprocess
import time
import unittest
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

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
# A smoothed RTT is what the last ten packets or so met; where the machine does other work its readings spread, and their
# median is known less well: the bounds are so many of its standard errors wider. A whole measurement may be disturbed
# too. It is then made anew, so often at most, and each is printed.
STANDARD_ERRORS, ATTEMPTS = 2, 4


def made_anew(test: Callable[[Any], None]) -> Callable[[Any], None]:
    """A test that measures once: where it fails, it is made anew, ATTEMPTS times in all."""

    @functools.wraps(test)
    def attempts(self: Any) -> None:
        for _ in range(ATTEMPTS - 1):
            try:
                test(self)
            except AssertionError as error:
                print(f"disturbed, made anew: {error}", flush=True)
            else:
                return
        test(self)

    return attempts


def drawn(nominal: float) -> float:
    """A delay around the nominal one that no other run has."""
    return nominal * random.uniform(0.8, 1.25)


class Reading(NamedTuple):
    """The median of several readings, and its standard error relative to it."""

    median: float
    error: float

    @classmethod
    def of(cls, values: list[float]) -> "Reading":
        median = statistics.median(values)
        low, _, high = statistics.quantiles(values, n=4)
        # Of a normal distribution the quartiles are 1.349 standard deviations apart, and a median's standard error is
        # 1.253 times a mean's.
        return cls(median, 1.253 * (high - low) / 1.349 / len(values) ** 0.5 / median)


class Times(NamedTuple):
    """Of one flow, in seconds."""

    ours: Reading
    kernels: Reading
    applied: float


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

    def read(self, ports: list[int], seconds: float) -> dict[int, tuple[Reading, Reading]]:
        """Port → what the exporter and ss say of the smoothed RTT, read in turn."""
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
        return {port: (Reading.of(ours[port]), Reading.of(kernels[port])) for port in ports}

    def measure(self, seconds: float, address: str, *options: str) -> list[Times]:
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
        return [Times(*read[port], statistics.median(applied[port])) for port in ports]

    def base(self, address: str, *options: str) -> float:
        """The RTT that is no delay: what ss says of the same traffic through the same daemon when it does not wait."""
        if (address, *options) not in self.bases:
            measured = self.measure(0, address, *options)
            self.bases[(address, *options)] = statistics.median(one.kernels.median - one.applied for one in measured)
        return self.bases[(address, *options)]

    @staticmethod
    def right(measured: Times, base: float, bounds: tuple[float, float]) -> bool:
        """Near what was applied, and near what ss says or nearer to the truth than that.

        Where one packet in a hundred is lost ss has been seen two to three in a hundred above what was applied.
        """
        (ours, error), (kernels, kernels_error), applied = measured
        truth = applied + base
        near_ss = abs(ours / kernels - 1) <= bounds[1] + STANDARD_ERRORS * (error + kernels_error)
        return abs(ours / truth - 1) <= bounds[0] + STANDARD_ERRORS * error and (near_ss or abs(ours - truth) <= abs(kernels - truth))

    def check(self, nominal: float, address: str, *options: str) -> None:
        """The exporter's RTT is right by both measures."""
        bounds = (FROM_APPLIED_SHORT, FROM_SS_SHORT) if nominal < SHORT_SECONDS else (FROM_APPLIED, FROM_SS)
        base = self.base(address, *options)
        for _ in range(ATTEMPTS):
            measured = self.measure(drawn(nominal), address, *options)
            errors = [(one.ours.median / (one.applied + base) - 1, one.ours.median / one.kernels.median - 1) for one in measured]
            worst = [max((error[which] for error in errors), key=abs) for which in (0, 1)]
            within = sum(self.right(one, base, bounds) for one in measured)
            ours = statistics.median(one.ours.median for one in measured)
            kernels = statistics.median(one.kernels.median for one in measured)
            applied = statistics.median(one.applied for one in measured)
            known = max(one.ours.error for one in measured)
            print(f"{len(measured)} flows to {address}: exporter {ours * 1e3:.3f} ms (± {known:.2%} at most), ss {kernels * 1e3:.3f}, "
                  f"applied {applied * 1e3:.3f} + base {base * 1e3:.3f}; worst {worst[0]:+.2%} and {worst[1]:+.2%}, {within} within "
                  "the bounds", flush=True)
            needed = len(measured) if len(measured) < 10 else SHARE_WITHIN * len(measured)
            if within >= needed and (len(measured) < 10 or max(map(abs, worst)) < NEAR + STANDARD_ERRORS * known):
                return
        self.fail(f"{ATTEMPTS} measurements, none within {bounds}; the last: {worst}")
