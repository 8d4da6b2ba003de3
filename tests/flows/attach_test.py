#!/usr/bin/env python3
"""The exporter's flow programs at the interfaces of pods: where they are, what is left of them, with which rights. Needs
root."""
import json
import os
import sys
import time
import unittest
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporter"))
from pod_networks import NODE, PodNetworks  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

FLOWS_ALONE = ("--collector.disable-defaults", "--collector.flow_rtt")
DEADLINE_SECONDS = 60
# Source: include/uapi/linux/capability.h.
NET_ADMIN, SYS_ADMIN = 12, 21


def eventually(holds: Callable[[], bool], what: object) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def clsact_filters(pods: PodNetworks) -> list[str]:
    """The names of the exporter's filters at the host ends, one for each filter."""
    found = []
    for link in json.loads(pods.run(NODE, "ip", "-json", "link", "show", "type", "veth")):
        for direction in ("ingress", "egress"):
            text = pods.run(NODE, "tc", "-json", "filter", "show", "dev", link["ifname"], direction)
            found += [entry["options"]["bpf_name"] for entry in json.loads(text)
                      if entry.get("options", {}).get("bpf_name", "").startswith("sonde_flow")]
    return found


def qdiscs(pods: PodNetworks) -> str:
    return pods.run(NODE, "tc", "qdisc", "show")


def capabilities(exporter: RunningExporter) -> set[frozenset[int]]:
    """The effective capabilities of each thread."""
    folder = f"/proc/{exporter.process.pid}/task"
    found = set()
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/status", encoding="ascii", errors="replace") as file:
            bits = int(next(line for line in file if line.startswith("CapEff")).split()[1], 16)
        found.add(frozenset(number for number in range(64) if bits >> number & 1))
    return found


def attached(exporter: RunningExporter, means: str) -> float | None:
    return value(exporter.page(), "sonde_exporter_flow_interfaces", means=means)


@unittest.skipIf(os.getuid() != 0, "needs root to attach programs")
class Attach(unittest.TestCase):
    def test_pods_that_come_and_go_have_their_programs_at_their_host_ends(self) -> None:
        with PodNetworks("client-1", "server-1") as pods:
            pods.start("client-1", "sleep", "600")
            server = pods.start("server-1", "sleep", "600")
            with RunningExporter(*FLOWS_ALONE, f"--flows.network-namespace={pods.node}") as exporter:
                eventually(lambda: attached(exporter, "tcx") == 2, exporter.log)
                pods.add("late-1")
                pods.start("late-1", "sleep", "600")
                eventually(lambda: attached(exporter, "tcx") == 3, exporter.log)
                pods.cgroups.end(server)
                pods.remove("server-1")
                eventually(lambda: "to-server-1" not in pods.run(NODE, "ip", "link"), "the pair goes with the namespace")
                eventually(lambda: attached(exporter, "tcx") == 2, exporter.log)
                page = exporter.page()
                self.assertEqual(value(page, "sonde_exporter_flow_attach_failures_total"), 0)
                features = {dict(labels)["feature"]: number for (name, labels), number in samples(page)
                            if name == "sonde_exporter_capability"}
                self.assertEqual((features["flow_rtt"], features["flow_rtt.interfaces"]), (1, 1))
                self.assertEqual({SYS_ADMIN, NET_ADMIN} & set.intersection(*map(set, capabilities(exporter))),
                                 {SYS_ADMIN, NET_ADMIN})
                self.assertEqual(len(capabilities(exporter)), 1, "all threads have the same")

    def test_filters_of_a_killed_exporter_are_replaced_and_none_is_left_by_one_that_ends(self) -> None:
        with PodNetworks("client-1", "server-1") as pods:
            for name in ("client-1", "server-1"):
                pods.start(name, "sleep", "600")
            flags = (*FLOWS_ALONE, f"--flows.network-namespace={pods.node}", "--flows.attach-means=clsact")
            with RunningExporter(*flags) as killed:
                eventually(lambda: attached(killed, "clsact") == 2, killed.log)
                killed.process.kill()
                killed.process.wait()
            left = clsact_filters(pods)
            self.assertEqual(len(left), 4, left)
            with RunningExporter(*flags) as exporter:
                eventually(lambda: attached(exporter, "clsact") == 2, exporter.log)
                self.assertEqual(value(exporter.page(), "sonde_exporter_flow_stale_filters_removed_total"), 4)
                now = clsact_filters(pods)
                self.assertEqual((len(now), set(now) & set(left)), (4, set()))
            self.assertEqual(clsact_filters(pods), [])
            self.assertNotIn("clsact", qdiscs(pods))

    def test_in_its_own_namespace_it_does_without_entering_others(self) -> None:
        with RunningExporter(*FLOWS_ALONE) as exporter:
            kept = set.union(*map(set, capabilities(exporter)))
            self.assertIn(NET_ADMIN, kept)
            self.assertNotIn(SYS_ADMIN, kept)
            self.assertEqual(value(exporter.page(), "sonde_exporter_capability", feature="flow_rtt.interfaces"), 1)

    def test_programs_inside_of_pods(self) -> None:
        with PodNetworks("client-1", "server-1") as pods:
            for name in ("client-1", "server-1"):
                pods.start(name, "sleep", "600")
            with RunningExporter(*FLOWS_ALONE, "--flows.attach=containers") as exporter:
                eventually(lambda: (attached(exporter, "tcx") or 0) >= 2, exporter.log)
                self.assertEqual(value(exporter.page(), "sonde_exporter_flow_attach_failures_total"), 0)

    def test_a_namespace_that_does_not_exist_is_named_in_the_log(self) -> None:
        with RunningExporter(*FLOWS_ALONE, "--flows.network-namespace=nosuch") as exporter:
            self.assertTrue([line for line in exporter.log if "/run/netns/nosuch" in line], exporter.log)
            self.assertEqual(value(exporter.page(), "sonde_exporter_capability", feature="flow_rtt.interfaces"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
