#!/usr/bin/python3
"""sonde-exporter and the exactness tests on other kernels than the host's, on cgroup v2: Debian 12's own and the newer
one that it offers, each in a virtual machine that sees the host's files. Exit code 77: it cannot be had here."""
import os
import signal
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "cri")]
from containerd import prepare  # noqa: E402
from machine import BUILD, Machine, Unavailable, check_host, kernel  # noqa: E402

KERNELS = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}
SECONDS = 1100  # for both machines together; alone on this computer they take some 330, beside builds 546


class Kernels(unittest.TestCase):
    files: dict[str, str]
    left = float(SECONDS)

    def check(self, version: str, *parts: str) -> None:
        """Boots that kernel and expects each part of guest.py to pass."""
        with Machine(self.files[version]) as machine:
            if "Pods" in parts:
                prepare(machine.folder)
            start = time.monotonic()
            console = machine.boot(f"{HERE}/guest.sh", self.left, SONDE_BUILD=BUILD, PREPARED=machine.folder,
                                   PARTS=" ".join(parts))
        Kernels.left -= time.monotonic() - start
        print(console, f"of {SECONDS} s there are {Kernels.left:.0f} left", sep="\n", flush=True)
        said = console.splitlines()
        self.assertTrue(any(line.startswith(f"Linux {version}.") for line in said), "its kernel is that one")
        for part in parts:
            self.assertTrue(any(line.startswith(f"part {part} passed in") for line in said), f"{part}, Linux {version}")

    def test_linux_6_1(self) -> None:
        self.check("6.1", "Programs", "NetworkFaults", "Files", "Pods", "FlowsByFilters")

    def test_linux_6_12(self) -> None:
        self.check("6.12", "Programs", "NetworkDelay", "NetworkFaults", "NetemTimes", "Files", "Pods", "Faults", "FlowsByLinks")


if __name__ == "__main__":
    try:
        check_host()
        Kernels.files = {version: kernel(package) for version, package in KERNELS.items()}
    except Unavailable as error:
        print(f"skipped: {error}")
        sys.exit(77)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that its machine ends with it
    unittest.main(verbosity=2)
