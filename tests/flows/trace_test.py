#!/usr/bin/env python3
"""The pages of traces, the budget, and that nothing is attached but while a trace runs."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pod_networks import PodNetworks  # noqa: E402
from trace_scene import PORT, RunningExporter, Scene, Traces, attached_programs, value  # noqa: E402

FLAGS = ("--collector.disable-defaults", "--collector.bpf_self")
EVENTS_A_UNIT = ("write", "queue", "transmit", "transmitted", "arrive", "receive", "socket", "read")


class TraceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.pods = self.enterContext(PodNetworks("sender-1", "receiver-1"))
        self.scene = Scene(self.pods)
        self.addCleanup(self.scene.end)

    def start(self, *flags: str) -> None:
        self.exporter = self.enterContext(RunningExporter(*FLAGS, *flags))
        self.traces = Traces(self.exporter)

    def test_a_containers_connections_are_followed_and_nothing_stays_attached(self) -> None:
        self.start()
        self.assertEqual(attached_programs(), set())
        self.scene.connect()
        request = {"container": {"pod": "sender-1"}, "remote": self.pods.address("receiver-1"), "seconds": 1}
        page = self.traces.begin(request)
        self.assertIn("dev_queue", attached_programs())
        self.assertEqual(self.exporter.get(page)[0], 202)
        status, text = self.traces.post(json.dumps(request).encode())
        self.assertEqual(status, 409, text)
        self.assertIn("one runs at a time", text)
        report = self.traces.wait(page)
        self.assertEqual(attached_programs(), set())
        self.assertEqual(value(self.exporter.page(), "sonde_trace_running"), 0)
        self.assertEqual(value(self.exporter.page(), "sonde_traces_total", cause="request"), 1)

        self.assertEqual(report["events"]["over_budget"] + report["events"]["ring_full"] + report["events"]["no_room"], 0)
        self.assertEqual(len(report["pairs"]), 1)
        pair = report["pairs"][0]
        self.assertEqual([pair[end]["workload"]["pod"] for end in ("sender", "receiver")], ["sender-1", "receiver-1"])
        self.assertAlmostEqual(sum(pair["share"].values()), 1, places=6)
        for direction in ("there", "back"):
            seen = pair[direction]
            self.assertGreater(seen["units"], 10)
            self.assertGreaterEqual(seen["complete"] + 2, seen["units"], "but for those at the edges of the trace")
            self.assertLessEqual({"qdisc", "driver_send", "way", "softirq", "ip_receive", "socket_receive"},
                                 set(seen["stages"]))
        self.assertIn(f"{self.pods.address('receiver-1')}:{PORT}", {flow["to"] for flow in report["flows"]})
        self.assertEqual({thread["name"] for thread in report["threads"]}, {"python3"})

        chrome = json.loads(self.exporter.get(page + "?format=chrome")[1])
        names = {event["name"] for event in chrome["traceEvents"]}
        self.assertLessEqual({*EVENTS_A_UNIT, "way", "socket_receive"}, names)
        listed = json.loads(self.exporter.get("/traces")[1])["traces"]
        self.assertEqual([trace["id"] for trace in listed], [report["id"]])

    def test_without_the_tracepoint_of_writes_the_function_is_used_where_the_node_lets_it(self) -> None:
        self.start("--bpf.disable-hook=tcp_sendmsg_locked")
        self.scene.connect()
        report = self.traces.make({"container": {"pod": "sender-1"}, "seconds": 1})
        allowed = value(self.exporter.page(), "sonde_exporter_capability", feature="packet_trace.fentry/tcp_sendmsg_locked")
        for direction in ("there", "back"):
            stages = report["pairs"][0][direction]["stages"]
            self.assertEqual("socket_send" in stages, allowed == 1, stages)
            self.assertLessEqual({"ip_send", "qdisc", "driver_send", "way", "socket_receive"}, set(stages))

    def test_both_sides_of_nat_are_one_connection(self) -> None:
        self.start()
        service, client = self.pods.route_through_node("receiver-1"), self.pods.address("sender-1")
        self.pods.run("node", "iptables", "-w", "-t", "nat", "-A", "PREROUTING", "-d", service, "-j", "DNAT", "--to-destination",
                      self.pods.address("receiver-1"))
        self.scene.connect(address=service)
        for pod, ends in (("sender-1", {client, service}), ("receiver-1", {client, self.pods.address("receiver-1")})):
            with self.subTest(pod):
                report = self.traces.make({"container": {"pod": pod}, "seconds": 1})
                self.assertEqual(len(report["pairs"]), 1, report["pairs"])
                pair = report["pairs"][0]
                self.assertEqual({pair[end]["address"] for end in ("sender", "receiver")}, ends)
                self.assertEqual([pair[end]["workload"]["pod"] for end in ("sender", "receiver")], ["sender-1", "receiver-1"])
                for direction in ("there", "back"):
                    seen = pair[direction]
                    self.assertGreater(seen["units"], 10)
                    self.assertGreaterEqual(seen["complete"] + 3, seen["units"], "but for those at the edges of the trace")
                    self.assertLessEqual({"ip_send", "qdisc", "driver_send", "way", "softirq", "ip_receive", "socket_receive"},
                                         set(seen["stages"]))
                for flow in report["flows"]:
                    self.assertIn(f"{service}:{PORT}", {flow[end] for end in ("from", "to")}
                                  | {flow["translated"][end] for end in ("from", "to")})

    def test_a_thread_that_is_woken_while_it_runs_does_not_wait_for_a_cpu(self) -> None:
        self.start()
        self.scene.late = 0.02
        self.scene.connect("doze")
        before = self.waited_by_kernel()
        report = self.traces.make({"container": {"pod": "receiver-1"}, "seconds": 3})
        waits = report["pairs"][0]["there"]["stages"]["reader_run_queue"]
        self.assertGreater(waits["units"], 30)
        waited = waits["mean_seconds"] * report["pairs"][0]["there"]["units"]
        # The tracer's times hold the way from the wake to the queue too; one doze that were taken for a wait would be more.
        self.assertLess(waited, 2 * (self.waited_by_kernel() - before) + self.scene.late)

    def waited_by_kernel(self) -> float:
        """Seconds for which the receiver's thread has waited for a CPU, by the kernel's own account."""
        with open(f"/proc/{self.scene.receiver.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9

    def test_wrong_requests_are_refused_with_the_remedy(self) -> None:
        self.start()
        for body, status, words in ((b"", 400, "no JSON object"), (b'{"container": {"pod": "sender-1"}, "secs": 1}', 400, "secs"),
                                    (b'{"container": {"pod": "none-1"}}', 404, "there is none of")):
            got, text = self.traces.post(body)
            self.assertEqual(got, status, text)
            self.assertIn(words, text)
        self.assertEqual(self.exporter.get("/traces/7")[0], 404)
        self.assertEqual(self.exporter.get("/trace")[0], 405)
        self.assertEqual(attached_programs(), set())

    def test_the_kernel_keeps_the_budget_of_events(self) -> None:
        budget = 200
        self.start(f"--flows.trace.max-events-per-second={budget}")
        self.scene.every = 0.001
        port = self.scene.connect()
        report = self.traces.make({"flow": self.scene.flow(port), "seconds": 2})
        # Seconds of the kernel's clock: a trace of two touches three, and begins and ends a little beside them.
        self.assertLessEqual(report["events"]["kept"], 4 * budget)
        self.assertGreaterEqual(report["events"]["kept"], budget)
        self.assertGreater(report["events"]["over_budget"], 0)
        self.assertEqual(value(self.exporter.page(), "sonde_trace_events_total", outcome="over_budget"),
                         report["events"]["over_budget"])

    def test_a_trace_ends_with_its_events_and_with_the_exporter(self) -> None:
        self.start("--flows.trace.max-events=1000")
        self.scene.every = 0.001
        port = self.scene.connect()
        report = self.traces.make({"flow": self.scene.flow(port), "seconds": 60})
        self.assertEqual(report["ended_by"], "events")
        self.assertEqual(report["events"]["kept"], 1000)
        self.traces.begin({"flow": self.scene.flow(port), "seconds": 60})
        self.assertEqual(self.exporter.end(), 0)
        self.assertEqual(attached_programs(), set())

    def test_a_flag_switches_it_off(self) -> None:
        self.start("--no-flows.trace")
        self.assertEqual(self.traces.post(b"{}")[0], 404)
        self.assertEqual(value(self.exporter.page(), "sonde_exporter_capability", feature="packet_trace", reason="disabled"), 0)


if __name__ == "__main__":
    unittest.main()
