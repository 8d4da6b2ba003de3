"""Nodes with two pods each that differ in what watches them alone; nothing is attached or started between windows."""
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack

from cgroups import TestCgroups
from pod_networks import PodNetworks, enter
from running_exporter import PROGRAM, RunningExporter

NATIVE, OURS, EMPTY, TCPDUMP = "native", "ours", "empty programs", "tcpdump"
NAMES = (NATIVE, OURS, EMPTY, TCPDUMP)
PORT = 5201
FLOWS = 8
SNAP_BYTES = 96
EMPTY_OBJECT = os.path.join(os.path.dirname(PROGRAM), "..", "bpf", "bench_flow_empty.bpf.o")
# Competes with each single process at the root of the hierarchy: all of the bench weighs as ten of them.
WEIGHTS = {"cpu.shares": "10240", "cpu.weight": "1000"}


class Arm:
    """One node: a client, a server that listens, and what watches them, in the cgroups of the arm."""

    def __init__(self, name: str, number: int, cgroups: TestCgroups, mtu_sized: bool) -> None:
        self.name = name
        self._cgroups = cgroups
        self._client, self._server, self._tools = (f"{part}-{number}" for part in ("client", "server", "tools"))
        self.pods = PodNetworks(self._client, self._server, node=f"node-{number}", subnet=number, cgroups=cgroups)
        self._mtu_sized = mtu_sized
        self._stack = ExitStack()
        self.exporter: RunningExporter | None = None
        self._capture = ""

    def __enter__(self) -> "Arm":
        pods = self._stack.enter_context(self.pods)
        self._cgroups.make(self._tools)
        if self._mtu_sized:
            for pod in (self._client, self._server):
                pods.run(pod, "ip", "link", "set", "eth0", "gso_max_segs", "1")
        server = pods.start(self._server, "iperf3", "-s", "-p", str(PORT), "--forceflush")
        assert server.stdout is not None
        while b"listening" not in server.stdout.readline():
            pass
        # What it writes from now on goes nowhere, and must not fill the pipe.
        server.stdout.close()
        {NATIVE: lambda: None, OURS: self._start_exporter, EMPTY: self._attach_empty, TCPDUMP: self._start_tcpdump}[self.name]()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _join_tools(self, process: int) -> None:
        for root in self._cgroups.roots:
            with open(f"{root}/{self._cgroups.name}/{self._tools}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(process))

    def _start_exporter(self) -> None:
        self.exporter = self._stack.enter_context(RunningExporter(
            "--collector.disable-defaults", "--collector.flow_rtt", f"--flows.network-namespace={self.pods.node}",
            f"--container.cgroup-include=/{self._cgroups.name}/(client|server)-[0-9]+", "--container.cri=none"))
        self._join_tools(self.exporter.process.pid)

    def _attach_empty(self) -> None:
        for pod in (self._client, self._server):
            device = self.pods.host_end(pod)
            subprocess.run([*enter(self.pods.node), "tc", "qdisc", "add", "dev", device, "clsact"], check=True)
            for direction, section in (("ingress", "tc/from"), ("egress", "tc/to")):
                subprocess.run([*enter(self.pods.node), "tc", "filter", "add", "dev", device, direction, "bpf", "da", "obj",
                                EMPTY_OBJECT, "sec", section], check=True)

    def _start_tcpdump(self) -> None:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="sonde-bench-"))
        self._capture = f"{folder}/capture"
        process = subprocess.Popen([*enter(self.pods.node), "tcpdump", "-i", self.pods.host_end(self._client), "-n", "-Z", "root",
                                    "-s", str(SNAP_BYTES), "-w", self._capture, "-C", "200", "-W", "2", "tcp"],
                                   stderr=subprocess.PIPE, text=True)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        self._join_tools(process.pid)
        assert process.stderr is not None
        while "listening on" not in (line := process.stderr.readline()):
            assert line, "tcpdump did not start"

    def iperf3(self, seconds: float, *options: str) -> dict[str, float]:
        """One window of all flows: received and sent bytes, and the seconds that it took."""
        process = self.pods.start(self._client, "iperf3", "-c", self.pods.address(self._server), "-p", str(PORT), "-P", str(FLOWS),
                                  "-C", "cubic", "-t", f"{seconds:g}", "-J", *options)
        text, _ = process.communicate()
        self._cgroups.processes.remove(process)
        report = json.loads(text)
        if "error" in report:
            raise RuntimeError(f"iperf3 in {self.name}: {report['error']}")
        return report["end"]["sum_received"]

    def cpu_seconds(self) -> float:
        """CPU time of the client, the server and what watches them, so far."""
        return sum(self._cpu_seconds_of(part) for part in (self._client, self._server, self._tools))

    def _cpu_seconds_of(self, part: str) -> float:
        for root in self._cgroups.roots:
            folder = f"{root}/{self._cgroups.name}/{part}"
            if os.path.exists(f"{folder}/cpuacct.usage"):
                with open(f"{folder}/cpuacct.usage", encoding="ascii") as file:
                    return int(file.read()) / 1e9
            if os.path.exists(f"{folder}/cpu.stat"):
                with open(f"{folder}/cpu.stat", encoding="ascii") as file:
                    fields = dict(line.split() for line in file)
                if "usage_usec" in fields:
                    return int(fields["usage_usec"]) / 1e6
        raise RuntimeError("no cgroup hierarchy accounts CPU time")

    def sent_packets(self) -> int:
        """Packets (large ones count once) that the client's host end has received from it and sent to it."""
        device = json.loads(self.pods.run("node", "ip", "-j", "-s", "link", "show", "dev", self.pods.host_end(self._client)))[0]
        return device["stats64"]["rx"]["packets"] + device["stats64"]["tx"]["packets"]

    def tcptrace_seconds_a_packet(self) -> float:
        """CPU time of tcptrace on what was captured last, over the packets in it. Only of the arm `tcpdump`."""
        newest = max((f"{os.path.dirname(self._capture)}/{name}" for name in os.listdir(os.path.dirname(self._capture))),
                     key=os.path.getsize)
        before = os.times()
        text = subprocess.run(["tcptrace", "-r", "-l", newest], check=True, capture_output=True, text=True).stdout
        after = os.times()
        packets = next(int(words[0]) for words in map(str.split, text.splitlines()) if words[1:3] == ["packets", "seen,"])
        return (after.children_user + after.children_system - before.children_user - before.children_system) / packets


class Arms:
    """`with Arms(NAMES, mtu_sized=False) as arms:` all four."""

    def __init__(self, names: Sequence[str], mtu_sized: bool) -> None:
        self._cgroups = TestCgroups()
        self._stack = ExitStack()
        self._all = [Arm(name, number, self._cgroups, mtu_sized) for number, name in enumerate(names, 1)]

    def __enter__(self) -> list[Arm]:
        self._stack.enter_context(self._cgroups)
        for root in self._cgroups.roots:
            for name, weight in WEIGHTS.items():
                if os.path.exists(path := f"{root}/{self._cgroups.name}/{name}"):
                    with open(path, "w", encoding="ascii") as file:
                        file.write(weight)
        for arm in self._all:
            self._stack.enter_context(arm)
        return self._all

    def __exit__(self, *_: object) -> None:
        self._stack.close()
