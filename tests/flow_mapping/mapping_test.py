#!/usr/bin/env python3
"""Real traffic between the pods of two nodes: which flows of the underlay it rides, by VXLAN, Geneve, IP-in-IP and NAT.

What the exporters say is compared with the ports that the ends know, with packets caught beside them, and with the delays
that the packets were really given.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from two_nodes import (DEADLINE_SECONDS, UNDERLAY, Node, NodeExporter, Prometheus, documented_query, enter,  # noqa: E402
                       flow, rows, talk_from_port, two_nodes, until, user_space_tunnel, vxlan)
from delay import Delay  # noqa: E402
from peers import PORT, ask, serve  # noqa: E402

SNIFFER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sniff_outer.py")
TALK = ("--request", "1000", "--response", "1000", "--rate", "20")
SERVICE = "10.96.0.10"
USER_SPACE = "--mapping.user-space-tunnels"


@unittest.skipIf(os.getuid() != 0, "needs root to make network namespaces")
class Mapping(unittest.TestCase):
    def expect_outer(self, one: dict, tunnel: str, node: Node) -> None:
        self.assertEqual(one["tunnel"], tunnel, one)
        for direction in ("sent", "received"):
            outer = one[direction]["outer"]
            self.assertEqual((outer["address"], outer["remote_address"]), (node.address, UNDERLAY[node.other]), one)

    def test_vxlan_names_both_pods_and_the_outer_port_of_each_flow(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            vxlan(a, b)
            with NodeExporter(a, "--mapping.interfaces=under0") as of_a, NodeExporter(b) as of_b:
                serve(b.pods, "b-1")
                clients = {pod: ask(a.pods, pod, b.pods.address("b-1"), *TALK)[1][0] for pod in ("a-1", "a-2")}
                sniffer = subprocess.Popen([*enter(a.namespace), sys.executable, SNIFFER, "under0", "60"],
                                           stdout=subprocess.PIPE, text=True)
                caught = sniffer.communicate(timeout=DEADLINE_SECONDS)[0].splitlines()[1:]
                outer_ports = {int(inner): int(outer) for outer, inner, _ in map(str.split, caught)}
                of_a.get("/metrics")  # pods' addresses are as of a scrape
                of_b.get("/metrics")
                for pod, port in clients.items():
                    one = flow(of_a, port, PORT)
                    self.expect_outer(one, "vxlan", a)
                    self.assertEqual(one["vni"], 42)
                    self.assertEqual((one["local"]["pod"], one["local"]["namespace"]), (pod, a.pod_namespace))
                    self.assertEqual(one["local"]["address"], a.pods.address(pod))
                    self.assertEqual(one["remote"]["address"], b.pods.address("b-1"))
                    self.assertEqual(one["sent"]["outer"]["source_port"], outer_ports[port])
                    self.assertEqual(one["sent"]["outer"]["destination_port"], 4789)
                    other = flow(of_b, PORT, port)
                    self.expect_outer(other, "vxlan", b)
                    self.assertEqual(other["local"]["pod"], "b-1")
                    self.assertEqual(other["received"]["outer"]["source_port"], outer_ports[port])
                    self.assertGreater(one["underlay_rtt"]["samples"], 0)
                info = {labels["pod"]: labels for labels, _ in rows(of_a, "sonde_flow_underlay_info")}
                self.assertEqual(set(info), {"a-1", "a-2"})
                for pod, labels in info.items():
                    self.assertEqual((labels["address"], labels["remote_address"], labels["outer_address"],
                                      labels["outer_remote_address"], labels["tunnel"], labels["vni"], labels["interface"]),
                                     (a.pods.address(pod), b.pods.address("b-1"), a.address, b.address, "vxlan", "42",
                                      "under0"))
                self.assertEqual([one["local"]["pod"] for one in of_a.mappings("pod=a-2")], ["a-2"])
                riders = [one["local"].get("pod") for one in of_a.mappings(f"outer={b.address}&tunnel=vxlan")]
                self.assertEqual(sorted(pod for pod in riders if pod), ["a-1", "a-2"])
                refused = subprocess.run([*enter(b.namespace), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                          f"http://{a.address}:9756/mappings"], capture_output=True, text=True, check=True)
                self.assertEqual(refused.stdout, "403")

    def test_filters_that_somebody_deleted_at_the_underlay_are_made_again(self) -> None:
        with two_nodes(("a-1",), ("b-1",)) as (a, b, _):
            vxlan(a, b)
            with NodeExporter(a, "--flows.attach-means=clsact") as of_a:
                serve(b.pods, "b-1")
                port = ask(a.pods, "a-1", b.pods.address("b-1"), *TALK)[1][0]
                flow(of_a, port, PORT)

                def filters() -> str:
                    return "".join(a.run("tc", "filter", "show", "dev", "under0", way) for way in ("ingress", "egress"))

                self.assertEqual(filters().count("direct-action"), 2)
                a.run("tc", "qdisc", "delete", "dev", "under0", "clsact")  # as another program does that owns it
                self.assertEqual(filters(), "")
                until("both filters", lambda: (of_a.get("/metrics"), filters().count("direct-action") == 2)[1])
                again = ask(a.pods, "a-1", b.pods.address("b-1"), *TALK)[1][0]
                self.expect_outer(flow(of_a, again, PORT), "vxlan", a)
                of_a.kill()
                self.assertEqual(filters().count("direct-action"), 2, "filters outlive it")
            with NodeExporter(a, "--flows.attach-means=clsact") as of_a:
                until("a flow by the new one", lambda: of_a.mappings())
                self.assertEqual(filters().count("direct-action"), 2, "those of the killed one are gone")
            self.assertEqual(filters(), "")

    def test_geneve_with_options_and_ip_in_ip(self) -> None:
        for kind in ("geneve", "ipip"):
            with self.subTest(kind), two_nodes(("a-1",), ("b-1",)) as (a, b, _), user_space_tunnel(kind, a, b), \
                    NodeExporter(a, USER_SPACE) as of_a, NodeExporter(b, USER_SPACE) as of_b:
                serve(b.pods, "b-1")
                port = ask(a.pods, "a-1", b.pods.address("b-1"), *TALK)[1][0]
                of_a.get("/metrics")
                of_b.get("/metrics")
                one, other = flow(of_a, port, PORT), flow(of_b, PORT, port)
                self.expect_outer(one, kind, a)
                self.expect_outer(other, kind, b)
                self.assertEqual((one["local"]["pod"], other["local"]["pod"]), ("a-1", "b-1"))
                self.assertEqual(one.get("vni"), 77 if kind == "geneve" else None)

    def test_masquerade_and_node_ports_name_the_pods_behind_one_address_and_port(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            for port in ("30080", "30081"):
                b.nat("PREROUTING", "-p", "tcp", "--dport", port, "-j", "DNAT", "--to", f"{b.pods.address('b-1')}:{PORT}")
            with NodeExporter(a) as of_a, NodeExporter(b) as of_b:
                serve(b.pods, "b-1")
                # Both are 192.0.2.1:40001 outside, told apart by whom they talk to.
                talk_from_port(a, "a-1", b.address, 30080, 40001)
                talk_from_port(a, "a-2", b.address, 30081, 40001)
                # Here the second has to take another port outside.
                talk_from_port(a, "a-1", b.address, 30080, 40002)
                talk_from_port(a, "a-2", b.address, 30080, 40002)
                of_a.get("/metrics")
                of_b.get("/metrics")
                for pod, node_port in (("a-1", 30080), ("a-2", 30081)):
                    one = flow(of_a, 40001, node_port, local=a.address)
                    self.assertEqual(one["tunnel"], "nat")
                    inside = one["at_container"]["local"]
                    self.assertEqual((inside["pod"], inside["address"], inside["port"]), (pod, a.pods.address(pod), 40001))
                    other = flow(of_b, node_port, 40001, local=b.address)
                    inside = other["at_container"]["local"]
                    self.assertEqual((inside["pod"], inside["address"], inside["port"]),
                                     ("b-1", b.pods.address("b-1"), PORT))
                moved = [one for one in of_a.mappings("tunnel=nat") if one["at_container"]["local"]["port"] == 40002]
                self.assertEqual({one["at_container"]["local"]["pod"] for one in moved}, {"a-1", "a-2"})
                self.assertEqual(len({one["local"]["port"] for one in moved}), 2, moved)
                times = {labels["pod"]: value for labels, value in rows(of_a, "sonde_flow_underlay_rtt_seconds_count")
                         if labels["tunnel"] == "nat"}
                self.assertEqual(set(times), {"a-1", "a-2"})
                self.assertGreater(min(times.values()), 0)

    def test_a_services_address_is_told_beside_the_pod_behind_it(self) -> None:
        with two_nodes(("a-1",), ("b-1",)) as (a, b, _):
            vxlan(a, b)
            a.nat("PREROUTING", "-p", "tcp", "-d", SERVICE, "--dport", "80", "-j", "DNAT", "--to",
                  f"{b.pods.address('b-1')}:{PORT}")
            with NodeExporter(a) as of_a:
                serve(b.pods, "b-1")
                port = ask(a.pods, "a-1", SERVICE, *TALK, port=80)[1][0]
                until("the list of connections", lambda: "at_container" in flow(of_a, port, PORT))
                one = flow(of_a, port, PORT)
                self.assertEqual(one["remote"]["address"], b.pods.address("b-1"))
                self.assertEqual((one["at_container"]["remote"]["address"], one["at_container"]["remote"]["port"]),
                                 (SERVICE, 80))

    def test_the_list_of_connections_names_what_nat_makes_of_them(self) -> None:
        with two_nodes(("a-1",), ("b-1",)) as (a, b, _):
            a.nat("PREROUTING", "-p", "tcp", "-d", SERVICE, "--dport", "80", "-j", "DNAT", "--to", f"{b.address}:30080")
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            b.nat("PREROUTING", "-p", "tcp", "--dport", "30080", "-j", "DNAT", "--to", f"{b.pods.address('b-1')}:{PORT}")
            with NodeExporter(a, "--collector.flow_rtt") as of_a, NodeExporter(b, "--collector.flow_rtt") as of_b:
                serve(b.pods, "b-1")
                port = ask(a.pods, "a-1", SERVICE, *TALK, port=80)[1][0]

                def listed(exporter: NodeExporter, pod: str) -> list[dict]:
                    exporter.get("/metrics")  # pods are as of a scrape
                    flows = json.loads(exporter.get(f"/flows?pod={pod}"))["flows"]
                    return [one for one in flows if one["beyond_nat"]]

                one = until("the client's connection", lambda: listed(of_a, "a-1"))[0]
                self.assertEqual((one["local"]["port"], one["remote"]["address"], one["remote"]["port"]), (port, SERVICE, 80))
                beyond = one["beyond_nat"]
                self.assertEqual((beyond["local"]["address"], beyond["remote"]["address"], beyond["remote"]["port"]),
                                 (a.address, b.address, 30080))
                other = until("the server's connection", lambda: listed(of_b, "b-1"))[0]
                self.assertEqual((other["local"]["address"], other["local"]["port"]), (b.pods.address("b-1"), PORT))
                self.assertEqual((other["remote"]["address"], other["remote"]["port"]),
                                 (a.address, beyond["local"]["port"]))
                self.assertEqual(other["beyond_nat"]["local"], {"address": b.address, "port": 30080})


@unittest.skipIf(os.getuid() != 0, "needs root to make network namespaces")
class OneQuery(unittest.TestCase):
    """Two exporters and a Prometheus: one query says which pods ride which nodes' flow, and who made it slow."""

    def shares(self, prometheus: Prometheus, query: str) -> dict[tuple[str, str], float]:
        """(pod, remote pod) → seconds."""
        return {(one["metric"]["pod"], one["metric"]["remote_pod"]): float(one["value"][1])
                for one in prometheus.query(query) if one["value"][1] != "NaN"}

    def expect_share(self, delayed: str) -> None:
        delay = random.uniform(0.020, 0.050)
        on_the_way = documented_query("docs/mapping.md", "on the way")
        at_the_remote = documented_query("docs/mapping.md", "at the remote host")
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, network), tempfile.TemporaryDirectory() as folder:
            vxlan(a, b)
            with NodeExporter(a) as of_a, NodeExporter(b), Prometheus(a, folder) as prometheus:
                serve(b.pods, "b-1")
                # What goes to b-1 is delayed: VXLAN's packets in the network, or what came out of them in node b.
                match = ("-i", "to-a", "--dport", "4789") if delayed == "network" else ("-i", "vxlan0")
                place, protocol = (network, "udp") if delayed == "network" else (b.namespace, "tcp")
                with Delay(place, delay, *match, protocol=protocol) as delays:
                    for pod in ("a-1", "a-2"):
                        ask(a.pods, pod, b.pods.address("b-1"), *TALK)
                    pairs = {("a-1", "b-1"), ("a-2", "b-1")}
                    until("enough samples", lambda: sum(
                        value for _, value in rows(of_a, "sonde_flow_underlay_rtt_seconds_count")) > 200)
                    until("both pairs' shares", lambda: self.shares(prometheus, on_the_way).keys() >= pairs
                          and self.shares(prometheus, at_the_remote).keys() >= pairs)
                    time.sleep(3)  # two more scrapes of both
                    way, remote = self.shares(prometheus, on_the_way), self.shares(prometheus, at_the_remote)
                    self.assertEqual(delays.dropped(), 0)
                    applied = [packet.delay for packet in delays.packets()]
                    mean = sum(applied) / len(applied)
                    slow, fast = (way, remote) if delayed == "network" else (remote, way)
                    print(f"{delayed}: applied {mean * 1e3:.3f} ms, "
                          + ", ".join(f"{pair[0]}: way {way[pair] * 1e3:.3f} ms, remote host {remote[pair] * 1e3:.3f} ms"
                                      for pair in sorted(pairs)), file=sys.stderr)
                    for pair in pairs:
                        self.assertGreater(slow[pair], mean * 0.97)
                        self.assertLess(slow[pair], mean * 1.05 + 0.002)
                        self.assertLess(fast[pair], mean / 4)

    def test_a_slow_network_between_the_nodes(self) -> None:
        self.expect_share("network")

    def test_a_slow_remote_host(self) -> None:
        self.expect_share("remote host")


if __name__ == "__main__":
    unittest.main(verbosity=2)
