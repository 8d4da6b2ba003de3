"""Known delays and known losses for the packets of one direction, in one network namespace."""
import os
import signal
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from types import TracebackType

from pod_networks import enter

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-demo-delay")
QUEUE = 7
RECORD = struct.Struct("=qqIHH")


@dataclass(frozen=True)
class Packet:
    """One packet that was delayed. Times: seconds of CLOCK_MONOTONIC."""

    arrived: float
    released: float
    size: int
    source_port: int
    destination_port: int

    @property
    def delay(self) -> float:
        """What it was really delayed by, in seconds."""
        return self.released - self.arrived


class Rule:
    """One rule of iptables and ip6tables at the beginning of what a namespace does with received packets."""

    def __init__(self, namespace: str, *rule: str, table: str = "mangle", chain: str = "PREROUTING") -> None:
        self._enter = enter(namespace)
        self._rule = [chain, *rule]
        self._table = table

    def _change(self, action: str) -> None:
        for program in ("iptables", "ip6tables"):
            subprocess.run([*self._enter, program, "-w", "-t", self._table, action, *self._rule], check=True)

    def __enter__(self) -> "Rule":
        self._change("-A")
        return self

    def __exit__(self, *_: object) -> None:
        self._change("-D")

    def packets(self) -> int:
        """How many packets have met it."""
        total = 0
        for program in ("iptables-save", "ip6tables-save"):
            done = subprocess.run([*self._enter, program, "-c", "-t", self._table], check=True, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                if line.startswith("[") and f"-A {self._rule[0]}" in line and self._rule[-1] in line:
                    total += int(line[1:].split(":")[0])
        return total


def loss(namespace: str, share: float, *match: str) -> Rule:
    """Drops this share of the TCP packets that a namespace receives and `match` selects, at random."""
    return Rule(namespace, "-p", "tcp", *match, "-m", "statistic", "--mode", "random", "--probability", f"{share:.6f}",
                "-j", "DROP")


class Delay:
    """`with Delay(namespace, seconds, "--dport", "80") as delay:` delays the TCP packets that the namespace receives.

    For what a bridge forwards in the node's namespace: chain="FORWARD" and PodNetworks.filter_bridge().
    """

    def __init__(self, namespace: str, seconds: float, *match: str, queue: int = QUEUE, chain: str = "PREROUTING",
                 protocol: str = "tcp") -> None:
        self._namespace, self._seconds, self._queue = namespace, seconds, queue
        self._rule = Rule(namespace, "-p", protocol, *match, "-j", "NFQUEUE", "--queue-num", str(queue), chain=chain)
        self._log = ""
        self._daemon: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Delay":
        handle, self._log = tempfile.mkstemp(prefix="sonde-test-delay-")
        os.close(handle)
        self._daemon = subprocess.Popen([*enter(self._namespace), PROGRAM, str(self._queue), str(round(self._seconds * 1e6)),
                                         self._log], stdout=subprocess.PIPE, text=True)
        assert self._daemon.stdout is not None
        if self._daemon.stdout.readline() != "ready\n":
            self.__exit__(None, None, None)
            raise AssertionError(f"{PROGRAM} did not start")
        self._rule.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            if daemon.poll() is None:
                self._rule.__exit__()  # before the daemon ends: packets to a queue that nobody reads are dropped
                daemon.send_signal(signal.SIGTERM)
            daemon.wait()
            if daemon.stdout is not None:
                daemon.stdout.close()
        if self._log:
            os.unlink(self._log)
            self._log = ""

    def packets(self, port: int | None = None) -> list[Packet]:
        """What was delayed so far (the last tenth of a second may be missing), all of it or what a port sent."""
        with open(self._log, "rb") as file:
            content = file.read()
        whole = len(content) - len(content) % RECORD.size
        return [Packet(arrived / 1e9, released / 1e9, size, source, destination)
                for arrived, released, size, source, destination in RECORD.iter_unpack(content[:whole])
                if port in (None, source)]

    def dropped(self) -> int:
        """Packets that found no room in the queue or the socket. Must be 0, or there was more loss than is known of."""
        lines = subprocess.run([*enter(self._namespace), "cat", "/proc/net/netfilter/nfnetlink_queue"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for fields in map(str.split, lines):
            if int(fields[0]) == self._queue:
                return int(fields[5]) + int(fields[6])
        raise AssertionError("the queue is gone")
