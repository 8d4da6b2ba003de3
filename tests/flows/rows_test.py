#!/usr/bin/env python3
"""Rows of pods and their peers, and the page /flows, of real traffic between network namespaces. Needs root."""
import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporter"))
from flows_page import attached, wait_for  # noqa: E402
from pod_networks import PodNetworks  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

TRAFFIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traffic.py")
PORT = 7000
REQUEST, RESPONSE = 3000, 500
DEADLINE_SECONDS = 60
UDP_HEADERS = 28  # of IPv4 and UDP

# One datagram to each of so many remotes, of so many bytes.
MANY_REMOTES = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
    for number in range(int(sys.argv[1])):
        sender.sendto(bytes(int(sys.argv[2])), (f"10.200.{number // 250}.{number % 250 + 1}", 9))
"""


def line_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def serve(pods: PodNetworks, name: str) -> None:
    server = pods.start(name, sys.executable, TRAFFIC, "serve", str(PORT))
    assert line_of(server) == "ready"


def ask(pods: PodNetworks, name: str, server: str, seconds: float) -> str:
    """Requests until all are answered; the port that they came from."""
    client = pods.start(name, sys.executable, TRAFFIC, "ask", pods.address(server), str(PORT), "--request", str(REQUEST),
                        "--response", str(RESPONSE), "--rate", "100", "--seconds", str(seconds))
    port = line_of(client).split()[1]
    client.wait(DEADLINE_SECONDS)
    return port


def settled(exporter: RunningExporter, name: str, **labels: str) -> tuple[str, float]:
    """A page of which the series is no longer growing: a row appears at 0, and its counts follow."""
    before = None
    for _ in range(DEADLINE_SECONDS * 2):
        page = exporter.page()
        now = value(page, name, **labels)
        if now and now == before:
            return page, now
        before = now
        time.sleep(0.5)
    raise AssertionError((name, labels, before, [line for line in page.splitlines() if line.startswith(name)]))


class Rows(unittest.TestCase):
    def test_both_ends_are_named_and_count_the_same(self) -> None:
        with PodNetworks("client-1", "server-1", "server-2") as pods, \
                RunningExporter("--collector.disable-defaults", "--collector.flow_rtt",
                                f"--flows.network-namespace={pods.node}", "--flows.networks=shop=10.198.0.0/16") as exporter:
            for server in ("server-1", "server-2"):
                serve(pods, server)
            port = ask(pods, "client-1", "server-1", 1)
            ask(pods, "client-1", "server-2", 0.3)
            for server, least in (("server-1", 90), ("server-2", 20)):
                ends = {"pod": "client-1", "remote_pod": server}
                back = {"pod": server, "remote_pod": "client-1"}
                page, sent = settled(exporter, "sonde_flow_bytes_total", direction="sent", **ends)
                self.assertEqual(sent, value(page, "sonde_flow_bytes_total", direction="received", **back))
                self.assertEqual(value(page, "sonde_flow_bytes_total", direction="received", **ends),
                                 value(page, "sonde_flow_bytes_total", direction="sent", **back))
                self.assertGreater(sent, least * REQUEST)
                self.assertEqual(value(page, "sonde_flow_bytes_total", direction="sent", remote_service="server",
                                       remote_namespace=pods.cgroups.name, **ends), sent)
                # One request each 10 ms; the first ones may have been part of the row's first page.
                self.assertGreater(value(page, "sonde_flow_request_latency_seconds_count", role="client", **ends) or 0, least)
                self.assertGreater(value(page, "sonde_flow_rtt_seconds_count", **ends) or 0, 0)
            self.check_page(exporter, port)

    def check_page(self, exporter: RunningExporter, port: str) -> None:
        # The connection was closed; of those that are open there is none but what a new one makes.
        status, text = exporter.get("/flows?pod=client-1&limit=10&sort=age")
        self.assertEqual(status, 200)
        page = json.loads(text)
        self.assertNotIn(int(port), [flow["local"]["port"] for flow in page["flows"]])
        for query, word in (("limit=0", "limit=0"), ("sort=x", "sort=x"), ("nonsense=1", "nonsense=1")):
            status, text = exporter.get("/flows?" + query)
            self.assertEqual(status, 400)
            self.assertIn(word, text)
        self.assertEqual(exporter.get("/flows", {"Host": "example.org"})[0], 403)
        self.assertEqual(exporter.get("/flows", {"X-Forwarded-For": "192.0.2.1"})[0], 403)

    def test_open_connections_are_listed_with_both_ends(self) -> None:
        with PodNetworks("client-1", "server-1") as pods, \
                RunningExporter("--collector.disable-defaults", "--collector.flow_rtt",
                                f"--flows.network-namespace={pods.node}") as exporter:
            serve(pods, "server-1")
            exporter.page()
            client = pods.start("client-1", sys.executable, TRAFFIC, "ask", pods.address("server-1"), str(PORT),
                                "--response", str(RESPONSE), "--think", "0.02")
            port = int(line_of(client).split()[1])
            for _ in range(DEADLINE_SECONDS * 2):
                exporter.page()
                flows = json.loads(exporter.get("/flows?pod=client-1&sort=rtt")[1])["flows"]
                if flows and flows[0]["rtt"] and flows[0]["request_latency"]:
                    break
                time.sleep(0.5)
            self.assertEqual(len(flows), 1, flows)
            flow = flows[0]
            self.assertEqual((flow["local"]["port"], flow["remote"]["port"]), (port, PORT))
            self.assertEqual((flow["local"]["address"], flow["remote"]["address"]),
                             (pods.address("client-1"), pods.address("server-1")))
            self.assertEqual(flow["remote"]["pod"], "server-1")
            self.assertEqual(flow["role"], "client")
            self.assertGreaterEqual(flow["request_latency"]["minimum_seconds"], 0.02)
            server = json.loads(exporter.get("/flows?service=server")[1])["flows"]
            self.assertEqual([(one["local"]["port"], one["remote"]["port"]) for one in server], [(PORT, port)])

    def test_a_pod_with_thousands_of_remotes_takes_no_other_pods_room(self) -> None:
        sent, size = 6000, 100
        with PodNetworks("many-1", "client-1", "server-1") as pods, \
                RunningExporter("--collector.disable-defaults", "--collector.flow_rtt",
                                f"--flows.network-namespace={pods.node}") as exporter:
            serve(pods, "server-1")
            attached(exporter, 3)
            pods.run("many-1", "ip", "route", "add", "10.200.0.0/16", "via", pods.address("server-1"))
            pods.run("many-1", sys.executable, "-c", MANY_REMOTES, str(sent), str(size))
            ask(pods, "client-1", "server-1", 0.3)
            page, bytes_sent = settled(exporter, "sonde_flow_bytes_total", pod="client-1", remote_pod="server-1",
                                       direction="sent")
            self.assertGreater(bytes_sent, 20 * REQUEST)
            # Nothing that it sent is lost: what found no room is in its own ~other.
            self.assertGreater(value(page, "sonde_exporter_flow_pairs_overflowed_packets_total") or 0, sent // 4)
            rows = {service: value(page, "sonde_flow_bytes_total", pod="many-1", remote_service=service, direction="sent")
                    for service in ("~private", "~other")}
            print(rows, flush=True)
            self.assertGreaterEqual(sum(row or 0 for row in rows.values()), sent * (size + UDP_HEADERS))
            self.assertLess(sum(row or 0 for row in rows.values()), sent * (size + UDP_HEADERS) + 2000)
            self.assertIsNone(value(page, "sonde_flow_bytes_total", pod="client-1", remote_service="~other",
                                    direction="sent"))

    def test_names_are_those_of_now_though_nobody_scrapes_flows(self) -> None:
        with PodNetworks("client-1", "server-1") as pods, \
                RunningExporter("--collector.disable-defaults", f"--flows.network-namespace={pods.node}",
                                "--flows.trigger.absolute=*=1s") as exporter:
            attached(exporter, 2)
            pods.add("late-1")
            serve(pods, "late-1")
            attached(exporter, 3)
            client = pods.start("client-1", sys.executable, TRAFFIC, "ask", pods.address("late-1"), str(PORT))
            port = int(line_of(client).split()[1])
            flows = wait_for("the late pod's name", lambda: json.loads(exporter.get("/flows?pod=client-1")[1])["flows"])
            self.assertEqual([(one["local"]["port"], one["remote"]["pod"]) for one in flows], [(port, "late-1")])
            pods.remove("client-1")
            wait_for("the flows of an interface that is gone to go", lambda: exporter.page() and
                     not [one for one in json.loads(exporter.get("/flows?limit=1000")[1])["flows"]
                          if one["local"]["port"] == port])

    def test_rows_stay_within_their_budget_and_never_fall_while_pods_come_and_go(self) -> None:
        names = [f"peer-{number}" for number in range(6)]
        with PodNetworks("client-1", *names) as pods, \
                RunningExporter("--collector.disable-defaults", "--collector.flow_rtt", "--flows.max-rows=3",
                                f"--flows.network-namespace={pods.node}") as exporter:
            last: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
            for name in names:
                serve(pods, name)
            for turn in range(6):
                for name in names:
                    ask(pods, "client-1", name, 0.05)
                pods.remove(names[turn])
                names[turn] = f"peer-{len(names) + turn}"
                pods.add(names[turn])
                serve(pods, names[turn])
                page = exporter.page()
                rows = set()
                for (series, labels), number in samples(page):
                    if series.startswith("sonde_flow_"):
                        self.assertGreaterEqual(number, last.get((series, labels), 0), (series, labels))
                        last[series, labels] = number
                    if series == "sonde_flow_bytes_total":
                        rows.add(frozenset(label for label in labels if label[0] != "direction"))
                others = [row for row in rows if ("remote_service", "~other") in row]
                self.assertLessEqual(len(rows) - len(others), 3)
                self.assertLessEqual(len(others), 1 + len(names) + turn + 1)
            self.assertTrue(others)
            self.assertGreater(value(page, "sonde_exporter_flow_peers_unlisted") or 0, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
