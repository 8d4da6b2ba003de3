#!/usr/bin/env python3
"""From a delay between two services to a trace that names the network: alert of the kernel, trigger, trace, verdict."""
import json
import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from delay import Delay  # noqa: E402
from pod_networks import PodNetworks  # noqa: E402
from trace_scene import PORT, RunningExporter, Scene, Traces, attached_programs, value  # noqa: E402

PATIENCE_SECONDS = 60


class TriggerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.pods = self.enterContext(PodNetworks("sender-1", "receiver-1"))
        self.scene = Scene(self.pods)
        self.addCleanup(self.scene.end)

    def start(self, *flags: str) -> None:
        self.exporter = self.enterContext(RunningExporter("--collector.disable-defaults", "--collector.bpf_self",
                                                          f"--flows.network-namespace={self.pods.node}", *flags))
        self.traces = Traces(self.exporter)

    def listed(self) -> list[dict[str, object]]:
        """The finished traces."""
        return json.loads(self.exporter.get("/traces")[1])["traces"]

    def alerts(self, outcome: str) -> float:
        """What became of the kernel's alerts."""
        return value(self.exporter.page(), "sonde_trace_alerts_total", outcome=outcome) or 0

    def wait_for_trace(self) -> dict[str, object]:
        """The report of the first trace, once it is there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.listed():
            self.assertLess(time.monotonic(), deadline, "no trace; the exporter's log:\n" + "\n".join(self.exporter.log))
            time.sleep(0.1)
        return json.loads(self.exporter.get(f"/traces/{self.listed()[0]['id']}")[1])

    def check_network(self, report: dict[str, object]) -> None:
        """The report is of an alert and names the network between the two services."""
        self.assertEqual(report["cause"], "trigger")
        pair = report["pairs"][0]
        self.assertEqual([pair[end]["workload"]["service"] for end in ("sender", "receiver")], ["sender", "receiver"])
        self.assertEqual(pair["slowest"], "network", pair["share"])
        self.assertGreater(pair["share"]["network"], 0.5)
        self.assertGreater(pair["confidence"], 0.5)
        self.assertEqual(value(self.exporter.page(), "sonde_trace_delay_share_ratio", sender_service="sender",
                               receiver_service="receiver", part="network"), pair["share"]["network"])

    def test_a_delay_above_the_services_threshold_is_traced_once_in_the_interval(self) -> None:
        self.start("--flows.trigger.absolute=sender=8ms", "--flows.trigger.duration=1s", "--flows.trigger.interval=1h")
        self.scene.connect()
        time.sleep(3)  # thresholds are told within two seconds: what is fast stays untraced
        self.assertEqual(self.listed(), [])
        with self.pods.filter_bridge(), Delay(self.pods.node, random.uniform(0.02, 0.04), "--dport", f"{PORT}:{PORT + 1}",
                                              chain="FORWARD"):
            self.check_network(self.wait_for_trace())
            self.assertEqual(self.alerts("traced"), 1)
            self.scene.connect_again()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while self.alerts("too_soon") == 0:
                self.assertLess(time.monotonic(), deadline, "the kernel tells of the second slow connection too")
                time.sleep(0.1)
        self.assertEqual(len(self.listed()), 1)
        self.assertEqual(attached_programs(), set())

    def test_a_delay_beyond_what_is_usual_is_traced(self) -> None:
        self.start("--flows.trigger.relative=*=20", "--flows.trigger.duration=1s", "--flows.trigger.interval=1h")
        self.scene.connect()
        time.sleep(3)
        self.assertEqual(self.listed(), [])
        with self.pods.filter_bridge(), Delay(self.pods.node, random.uniform(0.02, 0.04), "--dport", str(PORT), chain="FORWARD"):
            self.check_network(self.wait_for_trace())


if __name__ == "__main__":
    unittest.main()
