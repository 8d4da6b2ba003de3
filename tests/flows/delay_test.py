#!/usr/bin/env python3
"""The daemon that delays packets, against what a socket on the interface sees: its log is what other tests believe."""
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delay import Delay, loss  # noqa: E402
from peers import PORT, ask, serve, sockets  # noqa: E402
from pod_networks import NODE, PREFIX, PodNetworks, enter  # noqa: E402

NOMINAL_SECONDS = (0.001, 0.010, 0.050, 0.200)
SECONDS_EACH = 4
# On top of the delay of the fastest packet: the receiver's TCP, and the clock's microsecond.
SLACK_SECONDS = 0.0003
# The same for the middle one: the server is a process that has to be woken and answers in Python.
SERVER_SECONDS = 0.001
LINE = re.compile(r"^(\d+\.\d+) IP6? \S+\.(\d+) > \S+\.(\d+): Flags \[[^]]*\]"
                  r"(?:, seq (?:\d+:)?(\d+))?.*?, ack (\d+)?.* length (\d+)")


def drawn(nominal: float) -> float:
    """A delay around the nominal one that no other run has."""
    return nominal * random.uniform(0.8, 1.25)


class Capture:
    """tcpdump on a pod's eth0: packets on their way in before they are delayed, and those out."""

    def __init__(self, pods: PodNetworks, pod: str) -> None:
        self._command = [*enter(pods.namespace(pod)), "tcpdump", "-i", "eth0", "-n", "-S", "-tt", "-l", "--immediate-mode",
                         "--time-stamp-precision=nano", "-s", "128", f"tcp port {PORT}"]

    def __enter__(self) -> "Capture":
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        while "listening on" not in (line := self._process.stderr.readline()):
            assert line, "tcpdump did not start"
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def acknowledged_after(self) -> list[float]:
        """Seconds from each packet with data to the first packet back that acknowledges all of it."""
        self._process.terminate()
        text, _ = self._process.communicate()
        found, waiting = [], {}
        for line in text.splitlines():
            match = LINE.match(line)
            if not match:
                continue
            at, source, destination = float(match[1]), int(match[2]), int(match[3])
            if destination == PORT and int(match[6]) > 0 and match[4]:
                waiting.setdefault((source, int(match[4])), at)
            elif source == PORT and match[5]:
                for flow, end in [key for key in waiting if key[0] == destination and key[1] <= int(match[5])]:
                    found.append(at - waiting.pop((flow, end)))
        return found


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces")
class DelayedPackets(unittest.TestCase):
    def check_delay(self, pods: PodNetworks, address: str, delay: Delay, seconds: float) -> None:
        """What the log says is what was asked for, what tcpdump saw and what TCP felt."""
        with Capture(pods, "server-1") as capture:
            client, ports = ask(pods, "client-1", address, "--request", "1000", "--response", "1000", "--rate", "50")
            time.sleep(SECONDS_EACH)
            felt = sockets(pods, "client-1")[ports[0]]["minrtt"]
            seen = capture.acknowledged_after()
        pods.cgroups.end(client)
        time.sleep(0.2)  # the log is written every tenth of a second
        applied = [packet.delay for packet in delay.packets(ports[0])]
        self.assertGreater(len(applied), 3 / max(seconds, 0.02))
        self.assertEqual(delay.dropped(), 0)
        self.assertGreaterEqual(min(applied), seconds - 2e-6)
        middle = statistics.median(applied)
        print(f"asked {seconds * 1e3:.3f} ms, applied {middle * 1e3:.3f} (longest {max(applied) * 1e3:.3f}), "
              f"tcpdump {statistics.median(seen) * 1e3:.3f}, ss minrtt {felt * 1e3:.3f}", flush=True)
        self.assertLess(middle, seconds * 1.01 + SERVER_SECONDS)
        # No packet is acknowledged before it was released; the fastest and the middle one hardly after.
        self.assertGreaterEqual(min(seen), min(applied) - 20e-6)
        self.assertLess(min(seen), min(applied) + SLACK_SECONDS)
        self.assertLess(abs(statistics.median(seen) - middle), middle * 0.01 + SERVER_SECONDS)
        self.assertGreaterEqual(felt, min(applied) - 20e-6)
        self.assertLess(felt, min(applied) + 2 * SLACK_SECONDS)

    def test_the_log_tells_the_delay_in_a_pod(self) -> None:
        with PodNetworks("client-1", "server-1") as pods:
            serve(pods, "server-1")
            for nominal in NOMINAL_SECONDS:
                for address in (pods.address("server-1"), pods.address6("server-1")):
                    seconds = drawn(nominal)
                    with self.subTest(f"{seconds} to {address}"), Delay(pods.namespace("server-1"), seconds, "--dport", str(PORT)) as delay:
                        self.check_delay(pods, address, delay, seconds)

    def test_large_packets_stay_whole_and_none_is_lost(self) -> None:
        with PodNetworks("client-1", "server-1") as pods, Delay(pods.namespace("server-1"), 0.005, "--dport", str(PORT)) as delay:
            server = pods.start("server-1", "iperf3", "-s", "-1", "-p", str(PORT), "--forceflush")
            assert server.stdout is not None
            while b"listening" not in server.stdout.readline():
                pass
            report = json.loads(pods.run("client-1", "iperf3", "-c", pods.address("server-1"), "-p", str(PORT), "-P", "8", "-C", "cubic",
                                         "-n", "20M", "-J"))
            time.sleep(0.2)
            packets = delay.packets()
            self.assertEqual(delay.dropped(), 0)
            received = report["end"]["sum_received"]["bytes"]
            in_packets = sum(packet.size for packet in packets)
            print(f"{report['end']['sum_received']['bits_per_second'] / 1e9:.1f} Gb/s, {len(packets)} packets, longest delay "
                  f"{max(packet.delay for packet in packets) * 1e3:.3f} ms", flush=True)
            self.assertGreaterEqual(in_packets, received)
            # At its end iperf3 has counted what was read by then; none is sent twice.
            self.assertLess(in_packets, report["end"]["sum_sent"]["bytes"] * 1.1)
            self.assertGreater(sum(packet.size for packet in packets if packet.size > 1500), in_packets / 2)

    def test_what_a_bridge_forwards_can_be_delayed_too(self) -> None:
        with PodNetworks("client-1", "server-1") as pods, pods.filter_bridge():
            serve(pods, "server-1")
            for address in (pods.address("server-1"), pods.address6("server-1")):
                seconds = drawn(0.020)
                with Delay(pods.node, seconds, "--dport", str(PORT), chain="FORWARD") as delay:
                    client, ports = ask(pods, "client-1", address, "--request", "1000", "--response", "1000", "--rate", "50")
                    time.sleep(SECONDS_EACH)
                    felt = sockets(pods, "client-1")[ports[0]]["minrtt"]
                    pods.cgroups.end(client)
                    applied = [packet.delay for packet in delay.packets(ports[0])]
                self.assertGreaterEqual(felt, min(applied) - 20e-6)
                self.assertLess(felt, min(applied) + 2 * SLACK_SECONDS)

    def test_losses_are_those_that_the_sender_repeats(self) -> None:
        share = random.uniform(0.02, 0.04)
        with PodNetworks("client-1", "server-1") as pods, loss(pods.namespace("server-1"), share, "--dport", str(PORT)) as lost:
            serve(pods, "server-1")
            client, ports = ask(pods, "client-1", pods.address("server-1"), "--request", "1000", "--response", "10", "--rate", "500")
            deadline = time.monotonic() + 60
            while lost.packets() < 20:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)
            repeated = sockets(pods, "client-1")[ports[0]]["retrans"]
            dropped = lost.packets()
            print(f"{dropped} packets dropped, {repeated:.0f} repeated", flush=True)
            self.assertGreater(repeated, dropped / 2)
            self.assertLess(repeated, dropped * 2)
            pods.cgroups.end(client)

    def test_nothing_stays_behind(self) -> None:
        with PodNetworks("client-1") as pods:
            pods.add("late-1")
            name = pods.cgroups.name
            self.assertIn("to-late-1", pods.run(NODE, "ip", "-br", "link"))
        self.assertEqual([name for name in os.listdir("/run/netns") if name.startswith(f"{PREFIX}-{os.getpid()}-")], [])
        for root in pods.cgroups.roots:
            self.assertFalse(os.path.exists(f"{root}/{name}"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
