"""Delays what the network between the containers carries to one of them, as a slow link would."""
import subprocess
from pathlib import Path

from demo.loop.client import wait_for
from demo.loop.network import BRIDGE, SWITCH, Network, ip
from demo.loop.process import Placement, Process

QUEUE = 7
READY_SECONDS = 10.0


class Delay:
    """`with Delay(…):` — in the namespace `switch`, outside of both ends.

    By the kernel's netem where it has that. Else a process holds the packets (NFQUEUE, iptables); should it die, they
    pass undelayed.
    """

    def __init__(
        self, network: Network, container: str, seconds: float, programs: Path, folder: Path, tools: list[Path]
    ) -> None:
        """`programs`: where sonde-demo-delay is; `folder`: for its log; `tools`: the cgroup entries it joins."""
        self._network = network
        self._port = network.host_end(container)
        self._rule = ["FORWARD", "-d", network.address(container), "-j", "NFQUEUE", "--queue-num", str(QUEUE)]
        self._rule += ["--queue-bypass"]
        self._microseconds = round(seconds * 1e6)
        self._log = folder / "delay.log"
        self._process = Process(
            "delay",
            [str(programs / "sonde-demo-delay"), str(QUEUE), str(self._microseconds), "/dev/null"],
            Placement(tools, network.file(SWITCH)),
            self._log,
        )
        self._by_netem = False

    def __enter__(self) -> "Delay":
        try:
            self._by_netem = self._netem("add", f"delay {self._microseconds}us limit 100000")
            if not self._by_netem:
                self._start_process()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._by_netem:
            self._netem("del", "")
            return
        if self._process.running():
            self._iptables("-D", check=False)
        self._process.stop()

    def how(self) -> str:
        """"netem" or "NFQUEUE"."""
        return "netem" if self._by_netem else "NFQUEUE"

    def _netem(self, action: str, options: str) -> bool:
        """False where the kernel has no netem."""
        command = ["tc", "-n", self._network.namespace(SWITCH), "qdisc", action, "dev", self._port, "root", "netem"]
        return subprocess.run([*command, *options.split()], capture_output=True, check=False).returncode == 0

    def _start_process(self) -> None:
        self._process.start()

        def ready() -> bool:
            self._process.check()
            return "ready" in self._process.log_tail()

        wait_for("sonde-demo-delay holds packets", ready, READY_SECONDS)
        ip(self._network.namespace(SWITCH), [f"link set {BRIDGE} type bridge nf_call_iptables 1"])
        self._iptables("-A")

    def _iptables(self, action: str, check: bool = True) -> None:
        enter = ["nsenter", f"--net={self._network.file(SWITCH)}", "--"]
        command = [*enter, "iptables", "-w", "-t", "mangle", action, *self._rule]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
