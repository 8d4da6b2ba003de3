"""Two pods with one connection between them, and the exporter's pages of traces."""
import collections
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [FOLDER, os.path.join(FOLDER, "..", "exporter")]
from pod_networks import PodNetworks  # noqa: E402
from running_exporter import RunningExporter, samples, value  # noqa: E402, F401

PEERS = os.path.join(FOLDER, "trace_peers.py")
PORT = 5300


class Scene:
    """Two pods and, where CPUs are fought for, a third."""

    def __init__(self, pods: PodNetworks) -> None:
        self.pods = pods
        self.late = 0.0
        self.size = random.randrange(2_000, 12_000)
        self.every = random.uniform(0.010, 0.020)
        self.cpus = {"sender": -1, "receiver": -1}
        self.shares("", 100_000)  # who else computes on this machine is not to be the one that is named

    def shares(self, pod: str, share: int) -> None:
        """Sets the weight that a pod has for CPUs, as cpu.shares."""
        for root in self.pods.cgroups.roots:
            folder = os.path.join(root, self.pods.cgroups.name, pod)
            for name, value in (("cpu.shares", share), ("cpu.weight", max(1, share * 100 // 1024))):
                if os.path.exists(f"{folder}/{name}"):
                    with open(f"{folder}/{name}", "w", encoding="ascii") as file:
                        file.write(str(value))

    def start(self, pod: str, *words: str) -> "subprocess.Popen[bytes]":
        """Starts trace_peers.py in a pod."""
        return self.pods.start(pod, sys.executable, PEERS, *words)

    def connect(self, role: str = "receive", address: str = "") -> int:
        """Starts both ends; returns the sender's port. `address`: the receiver's for the sender, if not its own."""
        receiver = self.receiver = self.start("receiver-1", role, str(PORT), str(self.size), str(self.late), str(self.cpus["receiver"]))
        assert receiver.stdout is not None and receiver.stdout.readline() == b"ready\n"
        sender = self.sender = self.start("sender-1", "send", address or self.pods.address("receiver-1"), str(PORT),
                                          str(self.size), str(self.every), str(self.cpus["sender"]))
        assert sender.stdout is not None
        word, port = sender.stdout.readline().split()
        assert word == b"port"
        return int(port)

    def connect_again(self) -> None:
        """A second connection, to another port."""
        receiver = self.start("receiver-1", "receive", str(PORT + 1), str(self.size), "0", "-1")
        assert receiver.stdout is not None and receiver.stdout.readline() == b"ready\n"
        self.start("sender-1", "send", self.pods.address("receiver-1"), str(PORT + 1), str(self.size), str(self.every), "-1")

    def flow(self, port: int) -> dict[str, str]:
        """The connection of that sender's port, as a trace's request names it."""
        return {"local": f"{self.pods.address('sender-1')}:{port}", "remote": f"{self.pods.address('receiver-1')}:{PORT}"}

    def end(self) -> None:
        """Ends what was started, and gives the pods their weight back."""
        for process in list(self.pods.cgroups.processes):
            self.pods.cgroups.end(process)
        for pod in ("", "sender-1", "receiver-1", "rival-1"):
            self.shares(pod, 1024)


class Traces:
    """The exporter's pages of traces."""

    def __init__(self, exporter: RunningExporter) -> None:
        self._exporter = exporter

    def post(self, body: bytes) -> tuple[int, str]:
        """Status and body of POST /trace."""
        url = f"http://127.0.0.1:{self._exporter.port}/trace"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST")) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def begin(self, request: dict[str, object]) -> str:
        """Begins a trace; returns its page."""
        status, text = self.post(json.dumps(request).encode())
        assert status == 202, (status, text)
        return json.loads(text)["page"]

    def wait(self, page: str) -> dict[str, object]:
        """The report, when the trace has ended."""
        while True:
            status, text = self._exporter.get(page)
            if status == 200:
                return json.loads(text)
            assert status == 202, (status, text)
            time.sleep(0.05)

    def make(self, request: dict[str, object]) -> dict[str, object]:
        """A trace, from the request to the report."""
        return self.wait(self.begin(request))

    def part_seconds(self) -> collections.Counter[str]:
        """The sums of sonde_trace_stage_seconds by part."""
        sums: collections.Counter[str] = collections.Counter()
        for (name, labels), number in samples(self._exporter.page("?collect[]=bpf_self")):
            if name == "sonde_trace_stage_seconds_sum":
                sums[dict(labels)["part"]] += number
        return sums


def attached_programs() -> set[str]:
    """The names of this tracer's programs that hang at a hook of the kernel."""
    programs = json.loads(subprocess.run(["bpftool", "-j", "prog", "list"], check=True, capture_output=True, text=True).stdout)
    mine = {program["id"]: program.get("name", "") for program in programs}
    links = json.loads(subprocess.run(["bpftool", "-j", "link", "list"], check=True, capture_output=True, text=True).stdout)
    return {mine.get(link.get("prog_id"), "") for link in links} & {"dev_queue", "start_xmit", "receive_skb", "space_adjust",
                                                                   "sendmsg_locked"}
