#!/usr/bin/env python3
"""The program sonde-exporter as its users run it: flags, pages, exit codes, what promtool says."""
import collections
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running_exporter import PROGRAM, RunningExporter, samples, value  # noqa: E402

COLLECTORS = ["cgroup_cpu", "cgroup_memory", "cgroup_network", "oom", "syscalls", "page_faults", "process_events",
              "scheduler", "block_io", "tcp_retransmits", "flow_mapping", "packet_drops", "flow_rtt", "bpf_self"]


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """A call of the program that ends by itself."""
    return subprocess.run([PROGRAM, *flags], capture_output=True, text=True, timeout=60, check=False)


class CommandLine(unittest.TestCase):
    def test_help_names_every_flag_and_collector(self) -> None:
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for flag in ("--web.listen-address", "--web.telemetry-path", "--web.max-requests", "--web.compression",
                     "--path.procfs", "--path.cgroupfs", "--container.cgroup-include", "--node.lock",
                     "--bpf.disable-hook", "--bpf.max-cgroups", "--no-privileges.drop",
                     "--collector.disable-defaults", "--collector.syscalls.mode", "--collector.syscalls.sampling-ratio",
                     "--collector.syscalls.sampling-period",
                     "--log.level", "--log.format", "--version", *(f"--collector.{name}" for name in COLLECTORS)):
            self.assertIn(flag, done.stdout)
        self.assertEqual(done.stderr, "")

    def test_version_is_that_of_the_prometheus_programs(self) -> None:
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"^sonde-exporter, version \d+\.\d+\.\d+ \(branch: .*, revision: .*\)")

    def test_wrong_flags_end_with_2_and_one_line_that_names_the_remedy(self) -> None:
        for flags, named in ((["--collector.nonsense"], "cgroup_cpu, cgroup_memory, cgroup_network"),
                             (["--no-collector.nonsense"], "tcp_retransmits"),
                             (["--collector.syscalls.mode=fast"], "sampled"),
                             (["--collector.syscalls.sampling-ratio=2"], "at most 1"),
                             (["--collector.syscalls.sampling-period=5"], "100ms to 1m"),
                             (["--collector.syscalls.sampling-period=99ms"], "100ms to 1m"),
                             (["--container.cgroup-include=("], "--container.cgroup-include=("),
                             (["--web.telemetry-path=metrics"], "/metrics"),
                             (["--log.level=loud"], "debug, info, warn, error"),
                             (["--web.listen-address=foo"], "--web.listen-address"),
                             (["--bpf.max-cgroups=63"], "--bpf.max-cgroups"),
                             (["--nonsense"], "--help"), (["word"], "--help")):
            with self.subTest(flags=flags):
                done = run(*flags)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(named, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_missing_proc_ends_it_and_names_the_flag(self) -> None:
        done = run("--path.procfs=/nonexistent", "--web.listen-address=127.0.0.1:0",
                   f"--node.lock=sonde-test-{os.getpid()}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--path.procfs=/nonexistent", done.stderr)

    def test_the_table_of_metrics_names_every_family_of_a_real_scrape(self) -> None:
        table = run("--metrics.table").stdout
        with RunningExporter() as exporter:
            for line in exporter.page().splitlines():
                if line.startswith("# TYPE "):
                    name, kind = line.split()[2:4]
                    self.assertIn(f"| `{name}` | {kind} |", table)


class Pages(unittest.TestCase):
    exporter: RunningExporter

    @classmethod
    def setUpClass(cls) -> None:
        cls.exporter = RunningExporter().__enter__()

    @classmethod
    def tearDownClass(cls) -> None:
        assert cls.exporter.end() == 0, cls.exporter.log

    def test_promtool_finds_nothing_to_complain_of(self) -> None:
        done = subprocess.run(["promtool", "check", "metrics"], input=self.exporter.page(), capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_no_label_set_is_there_twice(self) -> None:
        counts = collections.Counter(series for series, _ in samples(self.exporter.page()))
        self.assertGreater(len(counts), 50)
        self.assertEqual([series for series, count in counts.items() if count > 1], [])

    def test_every_series_of_a_container_has_all_four_labels(self) -> None:
        for (name, labels), _ in samples(self.exporter.page()):
            if name.startswith(("sonde_container_", "sonde_pod_")):
                self.assertLessEqual({"namespace", "pod", "container", "service"}, {label for label, _ in labels}, name)
            if name.startswith("sonde_pod_"):
                self.assertIn(("container", ""), labels)

    def test_every_collector_says_how_it_did(self) -> None:
        page = self.exporter.page()
        for name in COLLECTORS:
            self.assertEqual(value(page, "sonde_scrape_collector_success", collector=name), 1, name)
            self.assertEqual(value(page, "sonde_scrape_collector_busy", collector=name), 0, name)
            self.assertIsNotNone(value(page, "sonde_scrape_collector_duration_seconds", collector=name), name)

    def test_build_and_process_metrics_are_there(self) -> None:
        page = self.exporter.page()
        self.assertEqual(value(page, "sonde_build_info", program="sonde-exporter"), 1)
        for name in ("process_cpu_seconds_total", "process_start_time_seconds", "process_open_fds"):
            self.assertGreater(value(page, name) or 0, 0, name)

    def test_a_scrape_can_choose_collectors(self) -> None:
        chosen = self.exporter.page("?collect[]=cgroup_cpu&collect[]=oom")
        self.assertIsNone(value(chosen, "sonde_scrape_collector_success", collector="cgroup_memory"))
        self.assertEqual(value(chosen, "sonde_scrape_collector_success", collector="oom"), 1)
        without = self.exporter.page("?exclude[]=oom")
        self.assertIsNone(value(without, "sonde_scrape_collector_success", collector="oom"))
        self.assertEqual(value(without, "sonde_scrape_collector_success", collector="cgroup_memory"), 1)

    def test_a_choice_that_cannot_be_served_is_400_with_the_list(self) -> None:
        for query in ("?collect[]=nonsense", "?exclude[]=nonsense"):
            status, body = self.exporter.get("/metrics" + query)
            self.assertEqual(status, 400)
            self.assertIn("cgroup_cpu, cgroup_memory", body)
            self.assertNotIn("nonsense", body)
        self.assertEqual(self.exporter.get("/metrics?collect[]=oom&exclude[]=oom")[0], 400)

    def test_landing_page_and_health(self) -> None:
        status, body = self.exporter.get("/")
        self.assertEqual(status, 200)
        self.assertIn('href="/metrics"', body)
        self.assertIn("<code>collect[]=</code>", body)
        self.assertEqual(self.exporter.get("/-/healthy")[0], 200)
        self.assertEqual(self.exporter.get("/-/ready")[0], 200)
        self.assertEqual(self.exporter.get("/nonsense")[0], 404)


class Switches(unittest.TestCase):
    def test_defaults_can_be_off_and_single_collectors_on(self) -> None:
        with RunningExporter("--collector.disable-defaults", "--collector.oom", "--collector.cgroup_cpu") as exporter:
            page = exporter.page()
            on = {dict(labels)["collector"] for (name, labels), _ in samples(page)
                  if name == "sonde_scrape_collector_success"}
            self.assertEqual(on, {"oom", "cgroup_cpu"})
            self.assertEqual(exporter.get("/metrics?collect[]=cgroup_memory")[0], 400)

    def test_a_collector_can_be_off(self) -> None:
        with RunningExporter("--no-collector.syscalls", "--no-collector.oom") as exporter:
            page = exporter.page()
            for name in COLLECTORS:
                expected = None if name in ("syscalls", "oom") else 1
                self.assertEqual(value(page, "sonde_scrape_collector_success", collector=name), expected, name)

    def test_the_path_of_the_metrics_can_be_another(self) -> None:
        with RunningExporter("--web.telemetry-path=/elsewhere", "--collector.disable-defaults") as exporter:
            self.assertEqual(exporter.get("/elsewhere")[0], 200)
            self.assertEqual(exporter.get("/metrics")[0], 404)


class StuckCollector(unittest.TestCase):
    """A cgroup file that never answers: here a pipe that nobody writes to."""

    def test_costs_its_own_metrics_only_and_comes_back(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-test-") as root:
            os.makedirs(f"{root}/proc/self")
            with open(f"{root}/proc/self/mountinfo", "w", encoding="ascii") as file:
                file.write("35 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
            os.makedirs(f"{root}/cgroup/api")
            with open(f"{root}/cgroup/api/cpu.stat", "w", encoding="ascii") as file:
                file.write("usage_usec 7000000\n")
            with open(f"{root}/cgroup/api/memory.current", "w", encoding="ascii") as file:
                file.write("4096\n")
            with open(f"{root}/cgroup/api/cgroup.procs", "w", encoding="ascii") as file:
                file.write("1\n")
            flags = (f"--path.procfs={root}/proc", f"--path.cgroupfs={root}/cgroup", "--collector.disable-defaults",
                     "--collector.cgroup_cpu", "--collector.cgroup_memory")
            with RunningExporter(*flags) as exporter:
                self.assertEqual(value(exporter.page(), "sonde_container_cpu_usage_seconds_total", pod="api"), 7)
                # A file that was not there before, so that it is opened at the next scrape.
                pipe = f"{root}/cgroup/api/cpu.max"
                os.mkfifo(pipe)
                status, page = exporter.get("/metrics", {"X-Prometheus-Scrape-Timeout-Seconds": "0.5"})
                self.assertEqual(status, 200)
                self.check(page, success=0, busy=0)
                for _ in range(3):  # skipped at once: these would take three hours otherwise
                    _, page = exporter.get("/metrics", {"X-Prometheus-Scrape-Timeout-Seconds": "3600"})
                    self.check(page, success=0, busy=1)
                with open(pipe, "w", encoding="ascii"):  # lets the collector's open() return
                    os.remove(pipe)
                deadline = time.monotonic() + 60
                while not value(exporter.page(), "sonde_scrape_collector_success", collector="cgroup_cpu"):
                    self.assertLess(time.monotonic(), deadline, "the collector never came back")

    def test_does_not_keep_the_program_from_ending(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-test-") as root:
            os.makedirs(f"{root}/proc/self")
            with open(f"{root}/proc/self/mountinfo", "w", encoding="ascii") as file:
                file.write("35 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
            os.makedirs(f"{root}/cgroup/api")
            with open(f"{root}/cgroup/api/cgroup.procs", "w", encoding="ascii") as file:
                file.write("1\n")
            with RunningExporter(f"--path.procfs={root}/proc", f"--path.cgroupfs={root}/cgroup",
                                 "--collector.disable-defaults", "--collector.cgroup_cpu") as exporter:
                os.mkfifo(f"{root}/cgroup/api/cpu.stat")
                exporter.get("/metrics", {"X-Prometheus-Scrape-Timeout-Seconds": "0.2"})
                self.assertEqual(exporter.end(), 0)
                self.assertIn("stuck", exporter.log[-1])

    def check(self, page: str, success: int, busy: int) -> None:
        """What the page says of the stuck collector; the other's metrics are there."""
        self.assertEqual(value(page, "sonde_scrape_collector_success", collector="cgroup_cpu"), success)
        self.assertEqual(value(page, "sonde_scrape_collector_busy", collector="cgroup_cpu"), busy)
        self.assertIsNone(value(page, "sonde_container_cpu_usage_seconds_total", pod="api"))
        self.assertEqual(value(page, "sonde_container_memory_usage_bytes", pod="api"), 4096)
        self.assertEqual(value(page, "sonde_scrape_collector_success", collector="cgroup_memory"), 1)


class Start(unittest.TestCase):
    def test_one_line_says_what_is_watched_and_how(self) -> None:
        with RunningExporter("--container.cri=none", "--no-collector.oom") as exporter:
            known = value(exporter.page(), "sonde_exporter_containers")
        lines = [line for line in exporter.log if 'msg="watching containers"' in line]
        self.assertEqual(len(lines), 1, exporter.log)
        self.assertRegex(lines[0], r' containers=\d+ names="cri=off docker=\w+ podman=\w+ state_files=\w+ systemd=on" '
                                   r'syscalls=sampled collectors=block_io,\S*cgroup_cpu')
        self.assertNotIn("oom", lines[0])
        self.assertGreater(known or 0, 0)

    def test_a_taken_port_ends_it_before_anything_is_loaded(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            second = run(f"--web.listen-address=127.0.0.1:{port}", f"--node.lock=sonde-test-{os.getpid()}")
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"127.0.0.1:{port}", second.stderr.splitlines()[-1])
        self.assertIn("another program listens there", second.stderr.splitlines()[-1])
        self.assertNotIn("cgroups found", second.stderr)


class OneOnANode(unittest.TestCase):
    def test_a_second_one_refuses_and_names_the_first(self) -> None:
        lock = f"--node.lock=sonde-test-second-{os.getpid()}"
        with RunningExporter(lock, "--collector.disable-defaults") as first:
            second = run(lock, "--web.listen-address=127.0.0.1:0")
            self.assertEqual(second.returncode, 1)
            self.assertIn(f"process {first.process.pid}", second.stderr)
            self.assertEqual(first.get("/-/healthy")[0], 200)
        with RunningExporter(lock, "--collector.disable-defaults"):
            pass  # free again

    def test_a_restart_says_so_by_the_start_time(self) -> None:
        def start_time() -> float:
            with RunningExporter("--collector.disable-defaults") as exporter:
                return value(exporter.page(), "process_start_time_seconds") or 0
        first = start_time()
        self.assertGreater(first, 0)
        self.assertGreater(start_time(), first)


@unittest.skipIf(os.getuid() != 0, "needs root to become another user")
class WithoutRoot(unittest.TestCase):
    def test_runs_with_what_works_and_says_once_what_does_not(self) -> None:
        with RunningExporter(user=65534) as exporter:
            page = exporter.page()
            for name in ("cgroup_cpu", "cgroup_memory", "oom"):
                self.assertEqual(value(page, "sonde_scrape_collector_success", collector=name), 1, name)
            self.assertEqual(value(page, "sonde_scrape_collector_success", collector="syscalls"), 0)
            self.assertEqual(value(page, "sonde_exporter_capability", feature="network_namespaces",
                                   reason="missing_capability"), 0)
            lines = len(exporter.log)
            for _ in range(3):
                exporter.page()
            self.assertEqual(len(exporter.log), lines, "no line per scrape:\n" + "\n".join(exporter.log))
            warnings = [line for line in exporter.log if "level=warn" in line]
            self.assertTrue(any("network" in line for line in warnings))
            self.assertEqual(len(warnings), len(set(warnings)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
