"""Round trips that the exporter tells in a guest whose netem delays packets; a part of guest.py."""
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS, "exporter"), os.path.join(TESTS, "..")]
from cgroups import TestCgroups  # noqa: E402
from demo.loop.network import ip  # noqa: E402
from running_exporter import RunningExporter  # noqa: E402

TRAFFIC = os.path.join(TESTS, "flows", "traffic.py")
POD, NODE, SERVER = "sonde-times.pod", "sonde-times.node", "sonde-times.server"
ADDRESS, PORT = "10.79.1.2", 5201
READS = 8
# Of the delay that netem was told plus the undelayed base, and of what ss says. The clock of a computed processor is late by
# up to a millisecond or so, for netem's timer too.
FROM_TOLD, FROM_SS, LATE_SECONDS = 0.02, 0.01, 0.0015
ATTEMPTS = 3


def within(namespace: str) -> tuple[str, str, str]:
    return ("nsenter", f"--net=/run/netns/{namespace}", "--")


class NetemTimes(unittest.TestCase):
    """A pod talks to a server whose answers netem delays: pod – node – server, each a network namespace."""

    def setUp(self) -> None:
        ip(None, [f"netns add {name}" for name in (POD, NODE, SERVER)])
        ip(NODE, [f"link add to-pod type veth peer name eth0 netns {POD}", "address add 10.79.0.1/24 dev to-pod", "link set to-pod up",
                  f"link add to-server type veth peer name eth0 netns {SERVER}", "address add 10.79.1.1/24 dev to-server",
                  "link set to-server up"])
        for name, net in ((POD, 0), (SERVER, 1)):
            ip(name, [f"address add 10.79.{net}.2/24 dev eth0", "link set eth0 up", f"route add default via 10.79.{net}.1"])
        subprocess.run([*within(NODE), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], check=True)

    def read(self, exporter: RunningExporter, seconds: float) -> tuple[float, float]:
        """The medians of what the exporter and ss say of the smoothed RTT, read in turn."""
        ours, kernels = [], []
        for _ in range(READS):
            time.sleep(0.3 + 4 * seconds)
            (flow,) = json.loads(exporter.get("/flows?pod=pod-1")[1])["flows"]
            ours.append(flow["rtt"]["smoothed_seconds"])
            time.sleep(0.3 + 4 * seconds)
            text = subprocess.run([*within(POD), "ss", "-tinHO", "dport", "=", f":{PORT}"], check=True, capture_output=True, text=True).stdout
            (said,) = re.findall(r"\brtt:([\d.]+)/", text)
            kernels.append(float(said) / 1000)
        return statistics.median(ours), statistics.median(kernels)

    def test_they_are_the_delays_of_netem(self) -> None:
        with TestCgroups() as cgroups:
            server = cgroups.run(cgroups.make("server"), sys.executable, TRAFFIC, "serve", str(PORT), prefix=within(SERVER))
            assert server.stdout is not None
            self.assertEqual(server.stdout.readline(), b"ready\n")
            with RunningExporter("--collector.disable-defaults", "--collector.flow_rtt", f"--flows.network-namespace=/run/netns/{NODE}",
                                 f"--container.cgroup-include=/{cgroups.name}/[^/]+", "--container.cri=none") as exporter:
                client = cgroups.run(cgroups.make("pod-1"), sys.executable, TRAFFIC, "ask", ADDRESS, str(PORT), "--rate", "20",
                                     prefix=within(POD))
                assert client.stdout is not None
                self.assertTrue(client.stdout.readline().startswith(b"ports "))
                time.sleep(3)
                base = self.read(exporter, 0)[1]
                for nominal in (0.050, 0.200):
                    with self.subTest(nominal):
                        self.check(exporter, base, nominal)

    def check(self, exporter: RunningExporter, base: float, nominal: float) -> None:
        for _ in range(ATTEMPTS):
            told = round(nominal * random.uniform(0.8, 1.25), 4)
            subprocess.run(["tc", "-n", SERVER, "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", f"{told * 1e6:.0f}us"], check=True)
            time.sleep(2 + 12 * told)
            ours, kernels = self.read(exporter, told)
            print(f"exporter {ours * 1e3:.3f} ms, ss {kernels * 1e3:.3f}, netem {told * 1e3:.1f} + base {base * 1e3:.3f}", flush=True)
            near_told = -FROM_TOLD <= ours / (told + base) - 1 and ours <= (told + base) * (1 + FROM_TOLD) + LATE_SECONDS
            if near_told and abs(ours - kernels) <= FROM_SS * kernels + LATE_SECONDS / 2:
                return
        self.fail(f"{ATTEMPTS} measurements, none near")
