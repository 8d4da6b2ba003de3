#!/usr/bin/env python3
"""Which capabilities sonde-exporter keeps, in every thread, and that all works with them. Needs root."""
import os
import socket
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from running_exporter import RunningExporter, samples, value  # noqa: E402

# Source: include/uapi/linux/capability.h.
DAC_OVERRIDE, DAC_READ_SEARCH, NET_BIND_SERVICE, NET_ADMIN, SYS_PTRACE, PERFMON, BPF = 1, 2, 10, 12, 19, 38, 39
USUAL = {DAC_READ_SEARCH, NET_ADMIN, SYS_PTRACE, PERFMON, BPF}
NOBODY = 65534
DEADLINE_SECONDS = 60


def status_of(folder: str) -> dict[str, str]:
    with open(f"{folder}/status", encoding="ascii", errors="replace") as file:
        return {name: text.strip() for name, _, text in (line.partition(":") for line in file)}


def capabilities(status: dict[str, str], name: str) -> set[int]:
    bits = int(status[name], 16)
    return {number for number in range(64) if bits >> number & 1}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def threads_of(exporter: RunningExporter) -> list[dict[str, str]]:
    folder = f"/proc/{exporter.process.pid}/task"
    return [status_of(f"{folder}/{thread}") for thread in os.listdir(folder)]


@unittest.skipIf(os.getuid() != 0, "needs root to have capabilities")
class Privileges(unittest.TestCase):
    def check_threads(self, exporter: RunningExporter, kept: set[int]) -> None:
        threads = threads_of(exporter)
        self.assertGreater(len(threads), 3)
        for thread in threads:
            for name, expected in (("CapEff", kept), ("CapPrm", kept), ("CapBnd", kept), ("CapInh", set()), ("CapAmb", set())):
                self.assertEqual(capabilities(thread, name), expected, (name, thread["Name"]))
            self.assertEqual(thread["NoNewPrivs"], "1")

    def test_every_thread_has_only_what_is_needed_and_every_collector_works(self) -> None:
        with RunningExporter() as exporter:
            for _ in range(2):
                page = exporter.page()
            self.check_threads(exporter, USUAL)
            line = next(line for line in exporter.log if "msg=\"privileges dropped\"" in line)
            self.assertIn("kept=cap_dac_read_search,cap_net_admin,cap_sys_ptrace,cap_perfmon,cap_bpf", line)
        failed = [dict(labels) for (name, labels), number in samples(page)
                  if name == "sonde_scrape_collector_success" and number != 1]
        self.assertEqual(failed, [], exporter.log)

    def test_the_features_that_are_on_are_those_that_are_on_with_all_privileges(self) -> None:
        def features(*flags: str) -> dict[str, str]:
            with RunningExporter(*flags) as exporter:
                return {dict(labels)["feature"]: dict(labels)["reason"] for (name, labels), _ in samples(exporter.page())
                        if name == "sonde_exporter_capability"}
        self.assertEqual(features(), features("--no-privileges.drop"))

    def test_sampled_system_calls_are_counted_again_and_again(self) -> None:
        with RunningExporter("--collector.syscalls.sampling-period=100ms", "--collector.syscalls.sampling-ratio=0.5") as exporter:
            def total() -> float:
                return sum(number for (name, _), number in samples(exporter.page()) if name == "sonde_container_syscalls_total")
            last, growths, deadline = total(), 0, time.monotonic() + DEADLINE_SECONDS
            while growths < 5:
                self.assertLess(time.monotonic(), deadline, "windows open and close")
                now = total()
                growths, last = growths + (now > last), now
                time.sleep(0.05)

    def test_a_flag_keeps_them(self) -> None:
        own = status_of("/proc/self")
        with RunningExporter("--no-privileges.drop") as exporter:
            for thread in threads_of(exporter):
                for name in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs"):
                    self.assertEqual(thread[name], own[name])

    def test_other_processes_are_none_of_its_business_without_network_collectors(self) -> None:
        with RunningExporter("--no-collector.cgroup_network", "--no-collector.tcp_retransmits",
                             "--no-collector.packet_drops", "--no-collector.flow_rtt",
                             "--no-collector.flow_mapping", "--no-flows.trace") as exporter:
            self.check_threads(exporter, USUAL - {SYS_PTRACE, NET_ADMIN})
            self.assertEqual(value(exporter.page(), "sonde_exporter_capability", feature="network_namespaces",
                                   reason="disabled"), 0)
            self.assertFalse([line for line in exporter.log if "network metrics are missing" in line])

    def test_another_user_keeps_what_it_was_given_and_gets_no_more(self) -> None:
        with RunningExporter(user=NOBODY) as exporter:
            for thread in threads_of(exporter):
                self.assertEqual(capabilities(thread, "CapEff"), set())
                self.assertEqual(thread["NoNewPrivs"], "1")
            self.assertTrue([line for line in exporter.log if "kept=none" in line], exporter.log)

    def test_the_socket_of_another_user_can_be_asked(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-") as folder:
            os.chmod(folder, 0o711)
            private = f"{folder}/user"
            os.mkdir(private, 0o700)
            path = f"{private}/docker.sock"
            asked = threading.Event()
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path)
                os.chmod(path, 0o600)
                os.chown(path, NOBODY, NOBODY)
                os.chown(private, NOBODY, NOBODY)
                server.listen()

                def answer() -> None:
                    while True:
                        try:
                            connection, _ = server.accept()
                        except OSError:
                            return
                        with connection:
                            asked.set()
                thread = threading.Thread(target=answer)
                thread.start()
                try:
                    with RunningExporter(f"--container.docker={path}") as exporter:
                        self.assertTrue(asked.wait(DEADLINE_SECONDS), exporter.log)
                        self.check_threads(exporter, USUAL | {DAC_OVERRIDE})
                finally:
                    server.shutdown(socket.SHUT_RDWR)
                    thread.join()

    def test_a_port_below_1024_can_be_listened_on(self) -> None:
        port = next(port for port in range(1023, 600, -1) if is_free(port))
        with RunningExporter(f"--web.listen-address=127.0.0.1:{port}") as exporter:
            self.check_threads(exporter, USUAL | {NET_BIND_SERVICE})
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=DEADLINE_SECONDS) as reply:
                self.assertEqual(reply.status, 200)


if __name__ == "__main__":
    unittest.main(verbosity=2)
