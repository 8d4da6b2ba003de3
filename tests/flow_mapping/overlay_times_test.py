#!/usr/bin/env python3
"""Smoothed RTTs between the pods of two nodes, by VXLAN and by NAT, against delays that only the test knows."""
import json
import os
import sys
import unittest
from collections.abc import Iterable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from two_nodes import Node, NodeExporter, two_nodes, vxlan  # noqa: E402
from delay import Delay, Packet  # noqa: E402
from flows_page import Flow  # noqa: E402
from measured_times import Measured  # noqa: E402
from peers import PORT, ask, serve, sockets  # noqa: E402

SERVICE, SERVICE_PORT, NODE_PORT = "10.96.0.10", 80, 30080
NOMINAL_SECONDS = (0.010, 0.050)
RATE = ("--rate", "100")


class BetweenNodes(Measured):
    """What node a sends into the network is delayed there."""

    client = "a-1"
    protocol = "tcp"
    dport = NODE_PORT

    def setUp(self) -> None:
        self.bases = {}
        self.a, self.b, self.network = self.enterContext(two_nodes(("a-1",), ("b-1",)))
        self.client_pods = self.a.pods
        self.lay_way(self.a, self.b)
        self.exporter = self.enterContext(NodeExporter(self.a, "--collector.flow_rtt"))
        serve(self.b.pods, "b-1")

    def lay_way(self, a: Node, b: Node) -> None:
        """Makes the way from the pods of a to those of b."""
        raise NotImplementedError

    def delay(self, seconds: float) -> Delay:
        return Delay(self.network, seconds, "-i", "to-a", "--dport", str(self.dport), protocol=self.protocol)

    def applied(self, packets: Iterable[Packet], ports: list[int]) -> dict[int, list[float]]:
        (port,) = ports  # one connection: whatever ports its packets have out there
        return {port: [packet.delay for packet in packets]}

    def listed(self) -> dict[int, Flow]:
        listed: list[dict[str, Any]] = json.loads(self.exporter.get(f"/flows?pod={self.client}&limit=1000"))["flows"]
        return {flow["local"]["port"]: flow for flow in listed}

    def check_all(self, address: str) -> None:
        self.exporter.get("/metrics")  # pods are as of a scrape
        for nominal in NOMINAL_SECONDS:
            with self.subTest(nominal):
                self.check(nominal, address, *RATE)


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces and BPF")
class ByVxlan(BetweenNodes):
    protocol, dport = "udp", 4789

    def lay_way(self, a: Node, b: Node) -> None:
        vxlan(a, b)

    def test_the_pods_rtt_is_the_delay_that_the_tunnels_packets_met(self) -> None:
        self.check_all(self.b.pods.address("b-1"))


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces and BPF")
class ByNat(BetweenNodes):
    """A service's address, the other node's, and masquerade: neither end's address or port is the one on the way."""

    def lay_way(self, a: Node, b: Node) -> None:
        a.nat("PREROUTING", "-p", "tcp", "-d", SERVICE, "--dport", str(SERVICE_PORT), "-j", "DNAT", "--to", f"{b.address}:{NODE_PORT}")
        a.nat("POSTROUTING", "-p", "tcp", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE", "--to-ports", "40000-40100")
        b.nat("PREROUTING", "-p", "tcp", "--dport", str(NODE_PORT), "-j", "DNAT", "--to", f"{b.pods.address('b-1')}:{PORT}")

    def connect(self, address: str, *options: str) -> Any:
        return ask(self.client_pods, self.client, address, *options, port=SERVICE_PORT)

    def sockets(self) -> dict[int, dict[str, float]]:
        return sockets(self.client_pods, self.client, SERVICE_PORT)

    def test_the_pods_rtt_is_the_delay_that_the_translated_packets_met(self) -> None:
        self.check_all(SERVICE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
