#!/usr/bin/env python3
"""What containers can and cannot make an exporter believe of tunnels, and whose a flow is after its ports were used again."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from two_nodes import Node, NodeExporter, flow, rows, talk_from_port, two_nodes, until, vxlan  # noqa: E402
from peers import PORT, ask, serve  # noqa: E402
from pod_networks import ip  # noqa: E402

FORGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forge.py")
TALK = ("--request", "1000", "--response", "1000", "--rate", "20")
TUNNELS = ("vxlan", "geneve", "ipip")
FORGED = 40
# Datagrams to ADDRESS PORT from OWN-PORT.
DATAGRAMS = """
import socket, sys, time
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("", int(sys.argv[3])))
print("bound", flush=True)
while True:
    datagrams.sendto(b"x" * 100, (sys.argv[1], int(sys.argv[2])))
    time.sleep(0.05)
"""


def refused(exporter: NodeExporter, reason: str) -> float:
    return dict((labels["reason"], value)
                for labels, value in rows(exporter, "sonde_exporter_mapping_refused_packets_total"))[reason]


def forget_connections_soon(node: Node) -> None:
    """The node's conntrack forgets what is closed or silent for a second."""
    for name in ("tcp_timeout_time_wait", "tcp_timeout_close", "tcp_timeout_fin_wait", "tcp_timeout_last_ack",
                 "tcp_timeout_close_wait", "udp_timeout", "udp_timeout_stream"):
        node.run("sh", "-c", f"echo 1 > /proc/sys/net/netfilter/nf_conntrack_{name}")


@unittest.skipIf(os.getuid() != 0, "needs root to make network namespaces")
class Trust(unittest.TestCase):
    def expect_nothing_forged(self, exporter: NodeExporter, node: Node) -> None:
        pods = {node.pods.address(pod) for pod in ("a-1", "a-2")}
        for one in exporter.mappings():
            if one["tunnel"] in TUNNELS:
                self.assertFalse(one["local"]["address"].startswith(("10.66.", "10.67.")), one)
        for labels, _ in rows(exporter, "sonde_flow_underlay_info"):
            self.assertIn(labels["address"], pods, labels)
            self.assertFalse(labels["remote_address"].startswith(("10.66.", "10.67.")), labels)

    def test_what_containers_send_to_tunnels_ports_is_no_tunnel(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            vxlan(a, b)
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            with NodeExporter(a) as of_a, NodeExporter(b) as of_b:
                serve(b.pods, "b-1")
                port = ask(a.pods, "a-1", b.pods.address("b-1"), *TALK)[1][0]
                # From the node's own address, by masquerade, and from the pod's.
                for namespace in ("MASQUERADE", "none"):
                    if namespace == "none":
                        a.run("iptables", "-w", "-t", "nat", "-F", "POSTROUTING")
                    forging = a.pods.start("a-2", sys.executable, FORGE, b.address, str(FORGED))
                    assert forging.stdout is not None and forging.stdout.readline() == b"sent\n"
                until("the forged packets are counted", lambda: refused(of_a, "foreign") >= 2 * 3 * FORGED)
                # The far node's own tunnel would take them; they are none of a flow that it has sent something of.
                until("what was received is counted", lambda: refused(of_b, "unasked") >= FORGED)
                one = flow(of_a, port, PORT)
                self.assertEqual((one["tunnel"], one["local"]["pod"]), ("vxlan", "a-1"))
                self.expect_nothing_forged(of_a, a)
                self.assertEqual([one for one in of_b.mappings() if one["remote"]["address"].startswith("10.6")], [])
                info = [labels for labels, _ in rows(of_a, "sonde_flow_underlay_info") if labels["tunnel"] in TUNNELS]
                self.assertEqual([labels["pod"] for labels in info], ["a-1"])

    def test_a_tunnel_that_a_container_makes_is_not_the_nodes(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            ip(a.pods.namespace("a-2"), f"link add own0 type vxlan id 7 remote {b.address} dstport 4789",
               "address add 10.66.0.1/16 dev own0", "link set own0 up",
               "neigh add 10.66.0.2 lladdr 02:00:00:00:00:09 dev own0")
            with NodeExporter(a) as of_a:
                sending = a.pods.start("a-2", sys.executable, "-c", DATAGRAMS, "10.66.0.2", "9", "9")
                assert sending.stdout is not None and sending.stdout.readline() == b"bound\n"
                until("the container's packets are counted", lambda: refused(of_a, "foreign") >= 10)
                self.expect_nothing_forged(of_a, a)

    def test_a_tunnel_that_a_container_makes_adds_nothing_to_the_flow_of_another(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            vxlan(a, b)
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "!", "-d", b.pod_range, "-j", "MASQUERADE")
            victim, remote = a.pods.address("a-1"), b.pods.address("b-1")
            ip(a.pods.namespace("a-2"), f"link add own0 type vxlan id 42 remote {b.address} dstport 4789",
               f"address add {victim}/32 dev own0", "link set own0 up", f"route add {remote}/32 dev own0 src {victim}",
               f"neigh add {remote} lladdr 02:00:00:00:00:09 dev own0")
            with NodeExporter(a) as of_a:
                def datagrams_flow() -> dict | None:
                    return next((one for one in of_a.mappings() if one["tunnel"] == "vxlan" and one["protocol"] == "udp"
                                 and (one["local"]["address"], one["local"]["port"]) == (victim, 4004)), None)

                for pod in ("a-1", "a-2"):
                    sending = a.pods.start(pod, sys.executable, "-c", DATAGRAMS, remote, "9", "4004")
                    assert sending.stdout is not None and sending.stdout.readline() == b"bound\n"
                    if pod == "a-1":
                        before = until("its flow is known", datagrams_flow)
                until("the container's packets are counted", lambda: refused(of_a, "foreign") >= 10)
                after = datagrams_flow()
                assert after is not None
                self.assertEqual(after["sent"]["outer"], before["sent"]["outer"])  # type: ignore[index]
                self.assertEqual(after["sent"]["outer"]["changes"], 0)


@unittest.skipIf(os.getuid() != 0, "needs root to make network namespaces")
class Reuse(unittest.TestCase):
    """Pods behind one address of the node that use the same port one after the other."""

    def test_a_second_connection_from_the_same_outer_port_is_the_second_pods(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            b.nat("PREROUTING", "-p", "tcp", "--dport", "30080", "-j", "DNAT", "--to", f"{b.pods.address('b-1')}:{PORT}")
            forget_connections_soon(a)
            forget_connections_soon(b)
            with NodeExporter(a) as of_a:
                serve(b.pods, "b-1")

                def connected(pod: str) -> dict:
                    def of_pod() -> dict | None:
                        of_a.get("/metrics")  # pods' addresses are as of a scrape
                        found = flow(of_a, 40001, 30080, local=a.address)
                        inside = found.get("at_container", {}).get("local", {})
                        return found if inside.get("pod") == pod and found["underlay_rtt"]["samples"] > 10 else None
                    return until(f"{pod}'s connection is timed", of_pod)  # type: ignore[return-value]

                client = talk_from_port(a, "a-1", b.address, 30080, 40001)
                first = connected("a-1")
                self.assertFalse(first["closed"])
                client.terminate()
                client.wait()
                until("the first one's end", lambda: flow(of_a, 40001, 30080, local=a.address)["closed"])
                until("conntrack has forgotten it", lambda: "sport=40001" not in a.run("cat", "/proc/net/nf_conntrack"))
                talk_from_port(a, "a-2", b.address, 30080, 40001)
                second = connected("a-2")
                self.assertFalse(second["closed"])
                self.assertEqual(second["at_container"]["local"]["address"], a.pods.address("a-2"))
                times = {labels["pod"]: value for labels, value in rows(of_a, "sonde_flow_underlay_rtt_seconds_count")
                         if labels["tunnel"] == "nat"}
                self.assertGreater(times["a-1"], 10)
                self.assertGreater(times["a-2"], 10)

    def test_datagrams_from_the_same_outer_port_are_the_second_pods(self) -> None:
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, _):
            a.nat("POSTROUTING", "-s", a.pod_range, "-o", "under0", "-j", "MASQUERADE")
            forget_connections_soon(a)
            with NodeExporter(a) as of_a:
                def sends(pod: str) -> bool:
                    of_a.get("/metrics")
                    return any(one["at_container"]["local"].get("pod") == pod for one in of_a.mappings("tunnel=nat")
                               if (one["protocol"], one["local"]["port"]) == ("udp", 40001))

                for pod in ("a-1", "a-2"):
                    sending = a.pods.start(pod, sys.executable, "-c", DATAGRAMS, b.address, "9", "40001")
                    assert sending.stdout is not None and sending.stdout.readline() == b"bound\n"
                    until(f"the datagrams are {pod}'s", lambda: sends(pod))
                    sending.terminate()
                    sending.wait()
                    until("conntrack has forgotten them",
                          lambda: "sport=40001" not in a.run("cat", "/proc/net/nf_conntrack"))
                self.assertFalse(sends("a-1"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
