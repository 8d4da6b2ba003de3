"""The program sonde-inject, started by a test."""
import glob
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from types import TracebackType

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-inject")
ACTIVE = "fault is active"
SECONDS = 30.0
FOLDER = "sonde-network-test-"


class Injector:
    """A `sonde-inject` with a folder of its own; whatever is left of it at the end is killed."""

    def __init__(self, fault: str, cgroup: str, *flags: str, duration: str = "1m") -> None:
        self.folder = tempfile.mkdtemp(prefix=FOLDER)
        self.states = f"{self.folder}/state"
        self._log = open(f"{self.folder}/log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM, fault, f"--cgroup={cgroup}", f"--duration={duration}",
             "--linger=0s", f"--state-dir={self.states}", "--web.listen-address=127.0.0.1:0", *flags],
            stdout=self._log, stderr=self._log)

    def __enter__(self) -> "Injector":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()
        if value is not None:
            print(self.log(), flush=True)
        subprocess.run([PROGRAM, "undo", "--all", f"--state-dir={self.states}"], check=False, capture_output=True)
        subprocess.run(["rm", "-r", self.folder], check=True)

    def log(self) -> str:
        with open(f"{self.folder}/log", encoding="utf-8") as file:
            return file.read()

    def processes(self) -> list[int]:
        """Of the program, of this run: the injector, its watchdog, what holds the fault."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                    dead = file.read().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if f"--state-dir={self.states}".encode() in words and words[1] != b"undo" and not dead:
                found.append(int(name))
        return found

    def wait_active(self) -> None:
        deadline = time.monotonic() + SECONDS
        while ACTIVE not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not active: {self.log()}")
            time.sleep(0.05)

    def value(self, metric: str) -> float:
        """What /metrics says now."""
        port = re.search(r"port=(\d+)", self.log())
        assert port
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=5) as reply:
            page = reply.read().decode()
        line = re.search(rf"^{metric}\{{.*\}} (\S+)$", page, re.MULTILINE)
        assert line, page
        return float(line[1])

    def pid_in_state(self, key: str) -> int:
        path, = glob.glob(f"{self.states}/fault-{self.process.pid}-*.state")
        with open(path, encoding="utf-8") as file:
            line = re.search(rf"^{key} (\d+)", file.read(), re.MULTILINE)
        assert line, key
        return int(line[1])
