#!/usr/bin/env python3
"""The program sonde-exporter on real cgroups of this host, in every hierarchy that is mounted."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cgroups import TestCgroups, measured_roots  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

CPU = "sonde_container_cpu_usage_seconds_total"
FLAGS = ("--collector.disable-defaults", "--collector.cgroup_cpu", "--collector.cgroup_memory", "--collector.oom",
         "--collector.cgroup_network")


def unified_root() -> str | None:
    """Where v2 is mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            if " - cgroup2 " in line:
                return line.split()[4]
    return None


def pressures(folder: str) -> dict[tuple[str, str], float]:
    """Seconds of a cgroup by resource and "waiting" or "stalled"."""
    found = {}
    for resource in ("cpu", "memory", "io"):
        with open(f"{folder}/{resource}.pressure", encoding="ascii") as file:
            for line in file:
                kind, *_, total = line.split()
                found[resource, {"some": "waiting", "full": "stalled"}[kind]] = int(total.removeprefix("total=")) / 1e6
    return found


@unittest.skipIf(os.getuid() != 0, "needs root to make cgroups")
class RealCgroups(unittest.TestCase):
    def test_a_container_is_in_the_next_scrape_with_every_counter_and_its_gauges_go_with_it(self) -> None:
        with TestCgroups() as cgroups, RunningExporter(*FLAGS) as exporter:
            labels = {"namespace": cgroups.name, "pod": "api-1", "container": "api-1", "service": "api"}
            self.assertIsNone(value(exporter.page(), CPU, **labels))
            path = cgroups.make("api-1")
            self.assertIsNone(value(exporter.page(), CPU, **labels), "it has had no process")
            process = cgroups.run(path, "sh", "-c", "echo in; exec sleep 600")
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"in\n")
            page = exporter.page()
            self.assertIsNotNone(value(page, CPU, **labels))
            self.assertEqual(value(page, "sonde_container_oom_kills_total", **labels), 0)
            self.assertIsNotNone(value(page, "sonde_container_memory_page_faults_total", kind="major", **labels))
            cgroups.end(process)
            self.assertGreater(value(exporter.page(), CPU, **labels) or 0, 0, "what it used stays to be seen")
            last = value(exporter.page(), CPU, **labels)
            cgroups.remove(path)
            page = exporter.page()
            self.assertIsNone(value(page, "sonde_container_memory_usage_bytes", **labels))
            self.assertEqual(value(page, CPU, **labels), last, "counters linger")
            self.assertEqual(value(page, "sonde_exited_cpu_usage_seconds_total", namespace=cgroups.name, service="api"),
                             last)

    def test_counters_of_an_ended_container_go_after_a_while(self) -> None:
        with TestCgroups() as cgroups, RunningExporter("--container.linger=1s", *FLAGS) as exporter:
            path = cgroups.make("api-1")
            process = cgroups.run(path, "sh", "-c", "echo in; exec sleep 600")
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"in\n")
            self.assertIsNotNone(value(exporter.page(), CPU, namespace=cgroups.name, pod="api-1"))
            cgroups.end(process)
            cgroups.remove(path)
            deadline = time.monotonic() + 30
            while value(exporter.page(), CPU, namespace=cgroups.name, pod="api-1") is not None:
                self.assertLess(time.monotonic(), deadline)
            self.assertIsNotNone(value(exporter.page(), "sonde_exited_cpu_usage_seconds_total",
                                       namespace=cgroups.name, service="api"))

    def test_a_process_that_came_and_went_between_two_scrapes_makes_a_container(self) -> None:
        with TestCgroups() as cgroups, RunningExporter(*FLAGS) as exporter:
            cgroups.make("empty")
            cgroups.run(cgroups.make("job-1"), "true").wait()
            page = exporter.page()
            self.assertGreater(value(page, CPU, namespace=cgroups.name, pod="job-1") or 0, 0)
            self.assertIsNone(value(page, CPU, namespace=cgroups.name, pod="empty"))
        flag = "--bpf.disable-hook=cgroup_notify_populated"
        with TestCgroups() as cgroups, RunningExporter(flag, *FLAGS) as exporter:
            path = cgroups.make("job-1")
            self.assertIsNone(value(exporter.page(), CPU, namespace=cgroups.name, pod="job-1"))
            cgroups.run(path, "sleep", "600")
            deadline = time.monotonic() + 30
            while value(exporter.page(), CPU, namespace=cgroups.name, pod="job-1") is None:
                self.assertLess(time.monotonic(), deadline, "without the kernel's event it is looked for")

    def test_a_container_of_v2_alone_is_one_too(self) -> None:
        root = unified_root()
        if root is None:
            self.skipTest("v2 is not mounted")
        with TestCgroups([root]) as cgroups, RunningExporter(*FLAGS) as exporter:
            path = cgroups.make("job-7")
            busy = cgroups.run(path, "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exec sleep 600",
                               prefix=("env",))
            assert busy.stdout is not None
            self.assertEqual(busy.stdout.readline(), b"done\n")
            page = exporter.page()
            self.assertGreater(value(page, CPU, namespace=cgroups.name, pod="job-7", service="job") or 0, 0)
            cgroups.end(busy)

    def test_pressure_is_that_of_the_files_of_v2_also_beside_v1(self) -> None:
        root = unified_root()
        if root is None or not os.path.exists(f"{root}/cpu.pressure"):
            self.skipTest("v2 is not mounted, or the kernel has no PSI")
        script = """
          work() { i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; }
          work & work & work & wait; echo done; exec sleep 600"""
        with TestCgroups([root]) as cgroups, RunningExporter(*FLAGS, "--collector.cgroup_pressure") as exporter:
            path = cgroups.make("job-7")
            process = cgroups.run(path, "sh", "-c", script)
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"done\n")
            deadline = time.monotonic() + 60
            while True:
                before, page, after = pressures(root + path), exporter.page(), pressures(root + path)
                if before == after:
                    break
                self.assertLess(time.monotonic(), deadline, "the cgroup never rests")
            self.assertEqual(len(after), 6)
            self.assertGreater(after["cpu", "waiting"], 0, "three wanted two processors")
            for (resource, what), seconds in after.items():
                with self.subTest(resource, what=what):
                    shown = value(page, f"sonde_container_pressure_{what}_seconds_total", namespace=cgroups.name,
                                  pod="job-7", service="job", resource=resource)
                    self.assertIsNotNone(shown)
                    self.assertAlmostEqual(shown or 0, seconds, places=6)
            cgroups.end(process)

    def test_by_inotify_too(self) -> None:
        """As a user without the right to load BPF programs."""
        with TestCgroups() as cgroups, RunningExporter(*FLAGS, user=65534) as exporter:
            cgroups.run(cgroups.make("api-1"), "sleep", "600")
            deadline = time.monotonic() + 30
            while value(exporter.page(), CPU, namespace=cgroups.name, pod="api-1") is None:
                self.assertLess(time.monotonic(), deadline, "the new cgroup never appeared")

    def test_usage_of_one_container_is_its_own(self) -> None:
        with TestCgroups() as cgroups, RunningExporter(*FLAGS) as exporter:
            busy, idle = cgroups.make("busy"), cgroups.make("idle")
            cgroups.run(idle, "sleep", "600")
            hog = cgroups.run(busy, "sh", "-c", "while :; do :; done")
            deadline = time.monotonic() + 60
            while (value(exporter.page(), CPU, namespace=cgroups.name, pod="busy") or 0) < 0.2:
                self.assertLess(time.monotonic(), deadline)
            page = exporter.page()
            self.assertLess(value(page, CPU, namespace=cgroups.name, pod="idle") or 0, 0.1)
            self.assertGreater(value(page, "sonde_container_memory_usage_bytes", namespace=cgroups.name, pod="busy")
                               or 0, 0)
            cgroups.end(hog)

    def test_rows_are_monotone_while_descendants_come_and_go(self) -> None:
        with TestCgroups() as cgroups:
            container = cgroups.make("api")
            flags = ("--container.cgroup-include=/" + cgroups.name + "/[^/]+", "--collector.syscalls.mode=exact")
            with RunningExporter(*flags) as exporter:
                before: dict[object, float] = {}
                for round_number in range(12):
                    child = cgroups.make(f"api/job-{round_number}")
                    job = cgroups.run(child, "sh", "-c", "for i in 1 2 3 4 5; do cat /proc/self/stat; done >/dev/null")
                    job.wait()
                    if round_number % 2 == 0:  # every second one comes and goes between two scrapes
                        cgroups.remove(child)
                    page = exporter.page()
                    now = {series: number for series, number in samples(page)
                           if series[0].endswith(("_total", "_bucket", "_count", "_sum"))
                           and ("pod", "api") in series[1]}
                    falling = {series: (before[series], now.get(series)) for series in before
                               if now.get(series, -1.0) < before[series]}
                    self.assertEqual(falling, {})
                    before = now
                    containers = {dict(labels)["pod"] for (name, labels), _ in samples(page) if name == CPU
                                  and ("namespace", cgroups.name) in labels}
                    self.assertEqual(containers, {"api"}, "descendants have no rows of their own")
                    if round_number % 2 == 1:
                        cgroups.remove(child)
                self.assertGreater(value(page, CPU, pod="api", namespace=cgroups.name) or 0, 0)
                syscalls = value(page, "sonde_container_syscalls_total", pod="api", namespace=cgroups.name)
                self.assertGreater(syscalls or 0, 12 * 20, "the jobs' calls are in the row of their container")
            del container

    def test_what_came_and_went_beyond_the_bound_is_in_the_row_of_other(self) -> None:
        events = "sonde_container_process_events_total"
        with TestCgroups() as cgroups:
            flags = ("--container.cgroup-include=/" + cgroups.name + "/[^/]+", "--max-containers=2",
                     "--collector.disable-defaults", "--collector.process_events")
            with RunningExporter(*flags) as exporter:
                for number in range(5):
                    path = cgroups.make(f"job-{number}")
                    cgroups.run(path, "true").wait()
                    cgroups.remove(path)
                for _ in range(2):  # the host row has what is nobody's from its second reading on
                    page = exporter.page()
                    self.assertEqual(value(page, events, service="~other", event="exit"), 3)
                    self.assertEqual(value(page, events, namespace=cgroups.name, pod="job-3", event="exit"), 1)
                    self.assertEqual(value(page, events, namespace=cgroups.name, pod="job-4", event="exit"), 1)
                    self.assertEqual(value(page, "sonde_exporter_containers_overflowed_total"), 3)

    def test_an_oom_kill_is_counted_for_the_container(self) -> None:
        with TestCgroups() as cgroups, RunningExporter(*FLAGS) as exporter:
            path = cgroups.make("leak")
            limit = [file for root in measured_roots()
                     for file in (f"{root}{path}/memory.limit_in_bytes", f"{root}{path}/memory.max")
                     if os.path.exists(file)]
            if not limit:
                self.skipTest("no memory controller")
            with open(limit[0], "w", encoding="ascii") as file:
                file.write("20000000")
            leak = cgroups.run(path, "python3", "-c", "x = bytearray(100_000_000); print(len(x))")
            self.assertNotEqual(leak.wait(), 0)
            self.assertEqual(value(exporter.page(), "sonde_container_oom_kills_total", namespace=cgroups.name,
                                   pod="leak"), 1)
            self.assertEqual(value(exporter.page(), "sonde_container_memory_limit_bytes", namespace=cgroups.name,
                                   pod="leak"), 20000000 // 4096 * 4096)

    def test_traffic_is_a_row_of_the_pod_and_none_of_a_pod_on_the_hosts_network(self) -> None:
        received = "sonde_pod_network_receive_bytes_total"
        # 10 frames of 100 bytes from one end of a pair of interfaces to the other.
        script = ("ip link add name veth-a type veth peer name veth-b && ip link set veth-a up && "
                  "ip link set veth-b up && python3 -c 'import socket; s = socket.socket(socket.AF_PACKET, "
                  "socket.SOCK_RAW); s.bind((\"veth-a\", 0)); [s.send(bytes(100)) for _ in range(10)]' && "
                  "echo up && exec sleep 600")
        with TestCgroups() as cgroups, RunningExporter(*FLAGS) as exporter:
            own, host = cgroups.make("own"), cgroups.make("host")
            process = cgroups.run(own, "sh", "-c", script, prefix=("unshare", "--net"))
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"up\n")
            cgroups.run(host, "sleep", "600")
            row = value(exporter.page(), received, namespace=cgroups.name, pod="own", container="", service="own")
            self.assertGreaterEqual(row or 0, 1000)
            self.assertIsNone(value(exporter.page(), received, namespace=cgroups.name, pod="host"))
            cgroups.end(process)


if __name__ == "__main__":
    unittest.main(verbosity=2)
