#!/usr/bin/python3
"""sonde-exporter on pods of containerd that have network namespaces of their own, made by CNI."""
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from containerd import Containerd  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402

DEADLINE_SECONDS = 60
NAMESPACE = f"sonde-cri-{os.getpid()}"
FAMILIES = [f"sonde_pod_network_{direction}_{what}_total" for direction in ("receive", "transmit")
            for what in ("bytes", "packets", "errors", "drops")]
PINGS, PAYLOAD = 23, 1000
UNKNOWN_FRAMES = 41
# Sends so many frames of a protocol that nobody knows: the receiver drops them and counts that.
SEND_FRAMES = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
    sender.bind((sys.argv[1], 0))
    for _ in range(int(sys.argv[2])):
        sender.send(bytes.fromhex(sys.argv[3].replace(":", "")) + bytes(6) + b"\\x88\\xb5" + bytes(50))
"""


def in_namespace(*command: str) -> str:
    done = subprocess.run(["nsenter", f"--net=/run/netns/{NAMESPACE}", *command], check=True, capture_output=True, text=True)
    return done.stdout


def interfaces(net_dev: str) -> dict[str, list[int]]:
    """What /proc/net/dev says of each but lo: what it received, then what it sent, as FAMILIES."""
    found = {}
    for line in net_dev.splitlines()[2:]:
        name, _, rest = line.partition(":")
        numbers = [int(number) for number in rest.split()]
        if name.strip() != "lo":
            found[name.strip()] = numbers[:4] + numbers[8:12]
    return found


def pod_interfaces(process: int) -> dict[str, list[int]]:
    with open(f"/proc/{process}/net/dev", encoding="ascii") as file:
        return interfaces(file.read())


@unittest.skipIf(os.getuid() != 0, "needs root to run containers")
class PodNetworks(unittest.TestCase):
    runtime: Containerd

    @classmethod
    def setUpClass(cls) -> None:
        subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
        cls.addClassCleanup(subprocess.run, ["ip", "netns", "delete", NAMESPACE], check=True)
        cls.runtime = cls.enterClassContext(Containerd(network=NAMESPACE))

    def run_pod(self, name: str, *containers: str) -> tuple[str, int]:
        """The id of a pod, and a process in it."""
        pod = self.runtime.run_pod(name, labels={"statefulset.kubernetes.io/pod-name": name})
        self.addCleanup(self.runtime.remove_pod, pod[0])
        ids = [self.runtime.run_container(pod, container, "sleep", "600") for container in containers]
        for folder, _, _ in os.walk("/sys/fs/cgroup"):
            if folder.endswith(ids[0]):
                with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
                    return pod[0], int(file.readline())
        raise AssertionError("the container has no cgroup")

    def rows_at_rest(self, exporter: RunningExporter, name: str, process: int) -> list[float]:
        """A pod's values of FAMILIES, when its interface counted nothing beside."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            before, page, after = pod_interfaces(process), exporter.page(), pod_interfaces(process)
            rows = [value(page, family, namespace="shop", pod=name, container="", service=name.rpartition("-")[0])
                    for family in FAMILIES]
            if before == after and None not in rows:
                self.assertEqual(len(before), 1, before)
                self.assertEqual(rows, [float(number) for number in before.popitem()[1]])
                return [row or 0 for row in rows]
            self.assertLess(time.monotonic(), deadline,
                            (before, after, [line for line in page.splitlines() if line.startswith("sonde_pod_")]))
            time.sleep(0.05)

    def test_a_pods_row_is_what_the_other_end_of_its_interface_counts(self) -> None:
        _, busy = self.run_pod("cart-0", "server", "sidecar")
        _, idle = self.run_pod("db-0", "server")
        with RunningExporter(f"--path.rootfs={self.runtime.rootfs}") as exporter:
            before = self.rows_at_rest(exporter, "cart-0", busy)
            idle_before = self.rows_at_rest(exporter, "db-0", idle)
            with open(f"/proc/{busy}/net/route", encoding="ascii") as file:
                gateway = next(fields[2] for fields in (line.split() for line in file) if fields[1] == "00000000")
            host = ".".join(str(byte) for byte in reversed(bytes.fromhex(gateway)))
            subprocess.run(["nsenter", f"--target={busy}", "--net", "/bin/busybox", "ping", "-q", "-c", str(PINGS), "-s",
                            str(PAYLOAD), "-i", "0.01", host], check=True, stdout=subprocess.DEVNULL)
            after = self.rows_at_rest(exporter, "cart-0", busy)
            growth = dict(zip(FAMILIES, (now - then for now, then in zip(after, before)), strict=True))
            for direction in ("receive", "transmit"):
                packets = growth[f"sonde_pod_network_{direction}_packets_total"]
                self.assertGreaterEqual(packets, PINGS)
                self.assertLess(packets, 2 * PINGS)
                # Ethernet, IP and ICMP have 14, 20 and 8 bytes of their own.
                self.assertGreaterEqual(growth[f"sonde_pod_network_{direction}_bytes_total"], PINGS * (PAYLOAD + 42))
                self.assertEqual(growth[f"sonde_pod_network_{direction}_errors_total"], 0)
            ends = interfaces(in_namespace("cat", "/proc/net/dev"))
            self.assertEqual(len(ends), 2)
            end, counts = max(ends.items(), key=lambda one: one[1][0])
            self.assertEqual(counts[:2], after[4:6], "what the pod sent, the other end received")
            self.assertEqual(counts[4:6], after[:2])
            idle_growth = [now - then for now, then in zip(self.rows_at_rest(exporter, "db-0", idle), idle_before, strict=True)]
            self.assertLess(idle_growth[0], PINGS * PAYLOAD, "each pod has its own")
            self.check_drops(exporter, busy, end)
            page = exporter.page()
        for family in FAMILIES:
            pods = sorted(dict(labels)["pod"] for (name, labels), _ in samples(page)
                          if name == family and ("namespace", "shop") in labels)
            self.assertEqual(pods, ["cart-0", "db-0"], "one row a pod, however many containers it has")

    def check_drops(self, exporter: RunningExporter, process: int, other_end: str) -> None:
        before = self.rows_at_rest(exporter, "cart-0", process)
        address = subprocess.run(["nsenter", f"--target={process}", "--net", "ip", "-br", "link", "show", "eth0"], check=True,
                                 capture_output=True, text=True).stdout.split()[2]
        in_namespace(sys.executable, "-c", SEND_FRAMES, other_end, str(UNKNOWN_FRAMES), address)
        after = self.rows_at_rest(exporter, "cart-0", process)
        self.assertEqual(after[3] - before[3], UNKNOWN_FRAMES)


if __name__ == "__main__":
    unittest.main(verbosity=2)
