#!/usr/bin/python3
"""sonde-exporter on real pods of containerd, made through CRI as kubelet does."""
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from containerd import IMAGE, Containerd  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

CPU = "sonde_container_cpu_usage_seconds_total"
DEADLINE_SECONDS = 60
QUESTION_SECONDS = 2  # how long the exporter waits for the answer to one (SocketNames::Timing)
POD = "cart-7d8f9c6b5d-x2v4z"
NAMES = {"namespace": "shop", "pod": POD, "container": "server", "service": "cart"}
LABELS = {"pod-template-hash": "7d8f9c6b5d"}
DAC_OVERRIDE = 1  # Source: include/uapi/linux/capability.h.
EXACT = ("--collector.syscalls.mode=exact",)


def flags(runtime: Containerd, *more: str) -> tuple[str, ...]:
    return (f"--path.rootfs={runtime.rootfs}", *more)


def info_of(page: str, **labels: str) -> dict[str, str] | None:
    """The labels of the one sonde_container_info that has these."""
    wanted = set(labels.items())
    found = [dict(has) for (name, has), _ in samples(page) if name == "sonde_container_info" and wanted <= has]
    assert len(found) <= 1, found
    return found[0] if found else None


@unittest.skipIf(os.getuid() != 0, "needs root to run containers")
class Pods(unittest.TestCase):
    runtime: Containerd

    @classmethod
    def setUpClass(cls) -> None:
        cls.runtime = cls.enterClassContext(Containerd())

    def eventually(self, read, what: str):  # noqa: ANN001, ANN201
        """What `read` returns once it is neither None nor False."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            result = read()
            if result not in (None, False):
                return result
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def check_names(self, exporter: RunningExporter, container: str, *, by_socket: bool) -> None:
        page = self.eventually(lambda: (lambda page: page if value(page, CPU, **NAMES) else None)(exporter.page()), "a row")
        info = info_of(page, **NAMES)
        assert info is not None
        self.assertEqual(info["id"], container)
        self.assertEqual(info["image"], IMAGE)
        self.assertEqual(info["runtime"], "containerd")
        self.assertEqual(info["node"], os.uname().nodename)
        if by_socket:
            self.assertRegex(info["image_digest"], "sha256:[0-9a-f]{64}")
        started = value(page, "sonde_container_start_time_seconds", **NAMES)
        assert started is not None
        self.assertLess(abs(started - time.time()), DEADLINE_SECONDS)
        families = {}
        for (name, labels), _ in samples(page):
            pod = dict(labels).get("pod", "")
            self.assertNotIn("sonde-cri", pod, "no series of a pod is named by its path")
            self.assertNotIn(container, pod)
            if name.startswith("sonde_pod_"):
                self.assertNotEqual(pod, POD, "the host's network is not the pod's")
            if name.startswith("sonde_container_") and pod == POD:
                self.assertLessEqual(set(NAMES.items()), labels, name)
                families[name] = True
        self.assertGreater(len(families), 20, families)

    def test_every_series_has_the_names_that_the_runtime_tells(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        container = self.runtime.run_container(pod, "server", "sleep", "600")
        self.addCleanup(self.runtime.remove_pod, pod[0])
        with self.subTest("by CRI"), RunningExporter(*flags(self.runtime)) as exporter:
            self.check_names(exporter, container, by_socket=True)
            self.assertEqual(value(exporter.page(), "sonde_exporter_name_source_up", source="cri"), 1)
        with self.subTest("by the runtime's files"), \
                RunningExporter(*flags(self.runtime, "--container.cri=none")) as exporter:
            self.check_names(exporter, container, by_socket=False)
        with self.subTest("by CRI alone"), \
                RunningExporter(*flags(self.runtime, "--no-container.state-files")) as exporter:
            self.check_names(exporter, container, by_socket=True)
        with self.subTest("by nothing"), \
                RunningExporter(*flags(self.runtime, "--container.cri=none", "--no-container.state-files")) as exporter:
            self.assertIsNotNone(value(exporter.page(), CPU, container=container[:12]))

    def test_cpu_and_memory_are_what_the_runtime_measures(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        # Works for a while, then rests: both read the same numbers.
        container = self.runtime.run_container(
            pod, "server", "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exec /bin/busybox sleep 600",
            cpu_period=100000, cpu_quota=20000, cpu_shares=512, memory_limit_in_bytes=64 << 20)
        with RunningExporter(*flags(self.runtime)) as exporter:
            def at_rest() -> bool:
                before = self.runtime.stats(container)
                time.sleep(0.3)
                return before[0] > 0.3 and before[0] == self.runtime.stats(container)[0]
            self.eventually(at_rest, "it rests")
            page = exporter.page()
            cpu, working_set = self.runtime.stats(container)
            self.assertAlmostEqual(value(page, CPU, **NAMES) or 0, cpu, delta=cpu / 100)
            measured = value(page, "sonde_container_memory_working_set_bytes", **NAMES) or 0
            self.assertAlmostEqual(measured, working_set, delta=working_set / 100)
            self.assertAlmostEqual(value(page, "sonde_container_cpu_limit_cores", **NAMES) or 0, 0.2)
            self.assertAlmostEqual(value(page, "sonde_container_cpu_request_cores", **NAMES) or 0, 0.5, delta=0.02)
            self.assertEqual(value(page, "sonde_container_memory_limit_bytes", **NAMES), 64 << 20)
            self.assertGreater(value(page, "sonde_container_cpu_throttled_periods_total", **NAMES) or 0, 0)

    def test_a_container_that_ran_50_ms_has_its_counts_under_its_name(self) -> None:
        pod = self.runtime.run_pod("job-1", labels={"job-name": "job"})
        self.addCleanup(self.runtime.remove_pod, pod[0])
        names = {"namespace": "shop", "pod": "job-1", "container": "work", "service": "job"}
        with RunningExporter(*flags(self.runtime, *EXACT)) as exporter:
            exporter.page()
            # The same twice, but that the second one runs ten programs, not the shell's own word.
            for name, program in (("idle", "true"), ("work", "/bin/busybox true")):
                container = self.runtime.run_container(
                    pod, name, "sh", "-c",
                    f"for i in 1 2 3 4 5 6 7 8 9 10; do {program}; done; exec /bin/busybox usleep 50000")
                self.assertEqual(self.runtime.wait_for(container), 0)
                self.runtime.remove_container(container)
            page = exporter.page()
            for event in ("fork", "exec", "exit"):
                counts = {one: value(page, "sonde_container_process_events_total", event=event,
                                     **{**names, "container": one}) for one in ("idle", "work")}
                # What runc does inside of the container's cgroup is the same for both.
                assert counts["idle"] is not None and counts["work"] is not None, event
                self.assertEqual(counts["work"] - counts["idle"], 10, event)
            ended = {"namespace": "shop", "service": "job", "event": "exec"}
            self.assertEqual(value(page, "sonde_exited_process_events_total", **ended), 0,
                             "the row of the service begins at 0")
            execs = sum(number for (name, labels), number in samples(page)
                        if name == "sonde_container_process_events_total" and
                        {("pod", "job-1"), ("event", "exec")} <= labels)
            self.assertEqual(value(exporter.page(), "sonde_exited_process_events_total", **ended), execs)

    def test_a_container_that_is_started_again_goes_on_in_its_row(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        with RunningExporter(*flags(self.runtime, *EXACT)) as exporter:
            last = {CPU: 0.0, "sonde_container_syscalls_total": 0.0}
            for _ in range(3):
                container = self.runtime.run_container(pod, "server", "sleep", "600")
                self.eventually(lambda name=container: info_of(exporter.page(), id=name), "the new one is known")
                page = exporter.page()
                for name, before in last.items():
                    now = value(page, name, **NAMES)
                    assert now is not None
                    self.assertGreater(now, before, name)
                    last[name] = now
                self.runtime.remove_container(container)
                page = exporter.page()
                self.assertIsNone(info_of(page, pod=POD), "its info goes at once")
                self.assertIsNone(value(page, "sonde_container_memory_usage_bytes", **NAMES))
                for name, before in last.items():
                    self.assertGreaterEqual(value(page, name, **NAMES) or 0, before, name)

    def test_names_outlive_the_runtime_and_its_socket(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        self.runtime.run_container(pod, "server", "sleep", "600")
        with RunningExporter(*flags(self.runtime, "--no-container.state-files")) as exporter:
            self.eventually(lambda: value(exporter.page(), CPU, **NAMES), "a row")
            with open(f"/proc/{exporter.process.pid}/status", encoding="ascii") as file:
                effective = int(next(line for line in file if line.startswith("CapEff:")).split()[1], 16)
            self.assertEqual(effective & (1 << DAC_OVERRIDE), 0, "the new socket is opened without it")
            self.runtime.stop()
            self.assertFalse(os.path.exists(self.runtime.socket))
            try:
                self.eventually(lambda: value(exporter.page(), "sonde_exporter_name_source_up", source="cri") == 0,
                                "the socket is missed")
                self.assertIsNotNone(value(exporter.page(), CPU, **NAMES))
            finally:
                self.runtime.start()
            self.eventually(lambda: value(exporter.page(), "sonde_exporter_name_source_up", source="cri") == 1, "it is back")
            second = self.runtime.run_container(pod, "sidecar", "sleep", "600")
            self.eventually(lambda: info_of(exporter.page(), container="sidecar", id=second), "new ones are named again")

    def test_a_runtime_that_starts_after_the_exporter_names_its_containers(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        container = self.runtime.run_container(pod, "server", "sleep", "600")
        self.runtime.stop()
        self.assertFalse(os.path.exists(self.runtime.socket))
        with RunningExporter(*flags(self.runtime, "--no-container.state-files")) as exporter:
            try:
                page = self.eventually(lambda: (lambda page: page if value(page, CPU, container=container[:12]) is not None
                                                else None)(exporter.page()), "a row of its path")
                self.assertIsNone(value(page, "sonde_exporter_name_source_up", source="cri"), "what never was is not down")
            finally:
                self.runtime.start()
            self.eventually(lambda: info_of(exporter.page(), id=container, **NAMES), "its name")
            self.assertEqual(value(exporter.page(), "sonde_exporter_name_source_up", source="cri"), 1)

    def test_a_containerd_without_cri_is_not_down_and_asked_again(self) -> None:
        self.runtime.stop()
        with RunningExporter(*flags(self.runtime)) as exporter:
            try:
                self.runtime.start(cri=False)  # as Docker's package of containerd has it
                self.eventually(lambda: any("does not offer" in line for line in exporter.log), "it was asked")
                self.assertIsNone(value(exporter.page(), "sonde_exporter_name_source_up", source="cri"), exporter.log)
            finally:
                self.runtime.stop()
                self.runtime.start()
            self.eventually(lambda: value(exporter.page(), "sonde_exporter_name_source_up", source="cri") == 1, "it has CRI")

    def test_a_name_that_is_told_late_takes_the_counts_along(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        container = self.runtime.run_container(pod, "server", "sleep", "600")
        self.runtime.stop()
        with RunningExporter(*flags(self.runtime, f"--container.cri={self.runtime.socket}", "--no-container.state-files",
                                    *EXACT)) as exporter:
            try:
                path = {"container": container[:12]}
                before = self.eventually(lambda: value(exporter.page(), CPU, **path), "a row of its path")
            finally:
                self.runtime.start()
            page = self.eventually(lambda: (lambda page: page if info_of(page, **NAMES) else None)(exporter.page()),
                                   "its name")
            self.assertGreaterEqual(value(page, CPU, **NAMES) or 0, before)
            unnamed = [series for series, _ in samples(page) if ("container", container[:12]) in series[1]]
            self.assertEqual(unnamed, [], "what was counted is there once, under the name")

    def test_a_runtime_that_does_not_answer_delays_no_scrape(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        container = self.runtime.run_container(pod, "server", "sleep", "600")
        assert self.runtime.process is not None
        with RunningExporter(*flags(self.runtime)) as exporter:
            self.eventually(lambda: info_of(exporter.page(), id=container), "a row")

            def slowest_of_20() -> float:
                slowest = 0.0
                for _ in range(20):
                    start = time.monotonic()
                    exporter.page()
                    slowest = max(slowest, time.monotonic() - start)
                return slowest

            # A busy machine makes a scrape late now and then; one that waits for the runtime is late each time.
            late = 0
            for attempt in range(3):
                usual = slowest_of_20()
                sidecar = f"sidecar-{attempt}"
                container = self.runtime.run_container(pod, sidecar, "sleep", "600")
                self.runtime.process.send_signal(signal.SIGSTOP)  # it accepts connections and never answers
                try:
                    late += slowest_of_20() > usual + QUESTION_SECONDS / 2
                    self.eventually(lambda name=sidecar, id=container: info_of(exporter.page(), container=name, id=id),
                                    "its files name what it does not")
                finally:
                    self.runtime.process.send_signal(signal.SIGCONT)
                if late <= attempt:
                    return
            self.fail("scrapes waited for the runtime")

    def test_the_injector_gives_the_container_the_same_names(self) -> None:
        pod = self.runtime.run_pod(POD, labels=LABELS)
        self.addCleanup(self.runtime.remove_pod, pod[0])
        container = self.runtime.run_container(pod, "server", "sleep", "600")
        with RunningExporter(*flags(self.runtime)) as exporter:
            info = self.eventually(lambda: info_of(exporter.page(), id=container), "a row")
        program = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-inject")
        with subprocess.Popen([program, "cpu", f"--cgroup={info['cgroup']}", f"--path.rootfs={self.runtime.rootfs}",
                               "--duration=60s", "--web.listen-address=127.0.0.1:0"], stderr=subprocess.PIPE,
                              text=True) as injector:
            try:
                assert injector.stderr is not None
                port = next(found.group(1) for line in injector.stderr
                            if (found := re.search(r"msg=listening .*port=(\d+)", line)))

                def active() -> bool:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_SECONDS) as reply:
                        return value(reply.read().decode(), "sonde_fault_active", fault="cpu", **NAMES) is not None

                self.eventually(active, "the fault's row has the exporter's names")
            finally:
                injector.terminate()
                injector.communicate()


if __name__ == "__main__":
    unittest.main(verbosity=2)
