#!/usr/bin/env python3
"""The times that sonde-exporter measures, against delays that only the test knows, and against the kernel's own."""
import itertools
import os
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delay import Delay, loss  # noqa: E402
from flows_page import Flow, flows, settled_page, total, wait_for  # noqa: E402
from measured_times import Measured, drawn, made_anew  # noqa: E402
from peers import PORT, ask, serve  # noqa: E402
from pod_networks import PodNetworks  # noqa: E402
from running_exporter import RunningExporter  # noqa: E402


# Of what takes long, or a machine without other work (a hundred flows at 10 ms: every reading of theirs delays packets),
# the tests of every day have a part.
EVERY_DELAY = os.environ.get("SONDE_EVERY_DELAY") == "1"


class TwoPods(Measured):
    """What the server receives from the client is delayed."""

    pods: PodNetworks
    exporter: RunningExporter

    @classmethod
    def setUpClass(cls) -> None:
        cls.bases = {}
        cls.pods = cls.client_pods = cls.enterClassContext(PodNetworks("client-1", "server-1"))
        serve(cls.pods, "server-1")
        name = cls.pods.cgroups.name
        cls.exporter = cls.enterClassContext(RunningExporter(
            "--collector.disable-defaults", "--collector.flow_rtt", f"--flows.network-namespace={cls.pods.node}",
            f"--container.cgroup-include=/{name}/[^/]+", "--container.cri=none"))
        wait_for("both pods have programs", lambda: total(cls.exporter.page(), "sonde_exporter_flow_interfaces") == 2)

    def delay(self, seconds: float) -> Delay:
        return Delay(self.pods.namespace("server-1"), seconds, "--dport", str(PORT))

    def listed(self) -> dict[int, Flow]:
        return flows(self.exporter, self.client)


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces and BPF")
class KnownTimes(TwoPods):
    """One connection at a time."""

    more_ports = itertools.count(PORT + 1)

    def test_one_flow(self) -> None:
        for nominal in (0.001, 0.010, 0.050, 0.200):
            with self.subTest(nominal):
                self.check(nominal, self.pods.address("server-1"), "--rate", "100")

    def test_one_flow_over_ipv6(self) -> None:
        for nominal in (0.001, 0.010, 0.050, 0.200) if EVERY_DELAY else (0.010, 0.050):
            with self.subTest(nominal):
                self.check(nominal, self.pods.address6("server-1"), "--rate", "100")

    def test_one_packet_in_a_hundred_is_lost(self) -> None:
        for nominal in (0.010, 0.050):
            with self.subTest(nominal), loss(self.pods.namespace("server-1"), 0.01, "--dport", str(PORT)) as lost:
                self.check(nominal, self.pods.address("server-1"), "--rate", "40")
                self.assertGreater(lost.packets(), 0)

    @made_anew
    def test_the_handshake_is_apart(self) -> None:
        seconds = drawn(0.030)
        with self.delay(seconds) as delay:
            client, (port,) = ask(self.pods, "client-1", self.pods.address("server-1"))
            flow = wait_for("the flow's handshake", lambda: flows(self.exporter, "client-1")[port])
            time.sleep(0.2)
            applied = delay.packets(port)[0].delay  # of the SYN
            self.pods.cgroups.end(client)
        self.assertAlmostEqual(flow["handshake_rtt_seconds"], applied, delta=applied * 0.05)

    @made_anew
    def test_what_the_server_thinks_is_request_latency(self) -> None:
        think, way = drawn(0.020), drawn(0.015)
        listens_at = next(self.more_ports)
        server = serve(self.pods, "server-1", listens_at)
        before = settled_page(self.exporter)
        # Between the two ends of the pair: the server's end hears of a request when it has come through.
        between = Delay(self.pods.node, way, "--dport", str(listens_at), chain="FORWARD")
        with self.pods.filter_bridge(), between as delay:
            client, (port,) = ask(self.pods, "client-1", self.pods.address("server-1"), "--request", "20000", "--response", "500",
                                  "--think", f"{think:.6f}", "--rate", "10", port=listens_at)
            time.sleep(6)
            flow = flows(self.exporter, "client-1")[port]
            seen = flows(self.exporter, "server-1")[listens_at]
            self.pods.cgroups.end(client)
            time.sleep(0.2)
            applied = statistics.median(packet.delay for packet in delay.packets(port))
        after = settled_page(self.exporter)
        assert server.stdout is not None
        os.set_blocking(server.stdout.fileno(), False)
        thought = [float(line) for line in (server.stdout.read() or b"").split()]
        self.pods.cgroups.end(server)
        self.assertGreater(len(thought), 30)
        known = {"server": statistics.mean(thought), "client": statistics.mean(thought) + applied}
        self.assertEqual((flow["role"], seen["role"]), ("client", "server"))
        for role, pod, shown in (("server", "server-1", seen), ("client", "client-1", flow)):
            def growth(what: str, role: str = role, pod: str = pod) -> float:
                name = f"sonde_flow_request_latency_seconds_{what}"
                return total(after, name, pod=pod, role=role) - total(before, name, pod=pod, role=role)
            mean = growth("sum") / growth("count")
            print(f"{role}: {known[role] * 1e3:.3f} ms known, {mean * 1e3:.3f} mean, smoothed "
                  f"{shown['request_latency']['smoothed_seconds'] * 1e3:.3f}", flush=True)
            self.assertAlmostEqual(growth("count"), len(thought), delta=2)
            self.assertAlmostEqual(mean, known[role], delta=known[role] * 0.05)
            self.assertAlmostEqual(shown["request_latency"]["smoothed_seconds"], known[role], delta=known[role] * 0.05)

    @made_anew
    def test_the_histogram_is_of_the_same_times(self) -> None:
        seconds = drawn(0.020)
        before = settled_page(self.exporter)
        with self.delay(seconds) as delay:
            client, (port,) = ask(self.pods, "client-1", self.pods.address("server-1"), "--rate", "50")
            time.sleep(5)
            self.pods.cgroups.end(client)
            time.sleep(0.2)
            applied = statistics.median(packet.delay for packet in delay.packets(port))
        after = settled_page(self.exporter)
        labels = {"pod": "client-1", "service": "client", "remote_pod": "server-1", "remote_service": "server",
                  "remote_namespace": self.pods.cgroups.name}
        growth = {what: total(after, f"sonde_flow_rtt_seconds_{what}", **labels) -
                  total(before, f"sonde_flow_rtt_seconds_{what}", **labels) for what in ("sum", "count")}
        self.assertGreater(growth["count"], 50)
        self.assertAlmostEqual(growth["sum"] / growth["count"], applied, delta=applied * 0.05, msg=f"RTT, {growth}")
        # The way is delayed before the server: its own end of the pair sees it as the server's.
        local = {what: total(after, f"sonde_flow_local_rtt_seconds_{what}", pod="server-1") -
                 total(before, f"sonde_flow_local_rtt_seconds_{what}", pod="server-1") for what in ("sum", "count")}
        self.assertAlmostEqual(local["sum"] / local["count"], applied, delta=applied * 0.05, msg=f"local RTT, {local}")


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces and BPF")
class ManyFlows(TwoPods):
    """A hundred connections of one pair of pods."""

    def test_a_hundred_flows(self) -> None:
        for nominal in (0.010, 0.050, 0.200) if EVERY_DELAY else (0.050,):
            with self.subTest(nominal):
                self.check(nominal, self.pods.address("server-1"), "--flows", "100", "--rate", "8")


if __name__ == "__main__":
    unittest.main(verbosity=2)
