"""A run's name, folder and proof of life; what a killed run left behind is removed by the next."""
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from demo.loop import cgroups

STATE = Path("/var/lib/sonde-try")
NAMED_NAMESPACES = Path("/run/netns")
PORTS = {
    "prometheus": 9090,
    "alertmanager": 9093,
    "exporter": 9756,
    "analyzer": 9757,
    "injector": 9758,
    "load": 9759,
    "haproxy": 9760,
    "receiver": 9761,
}
SLOTS = range(20)


class Run:
    """One start of the loop: a name, a folder below STATE, a set of ports that no other run has.

    The folder's file `lock` is locked as long as the process lives, so a run whose lock can be taken is dead.
    """

    _count = 0

    def __init__(self) -> None:
        Run._count += 1
        self.name = f"sonde-try-{os.getpid()}" + (f"-{Run._count}" if Run._count > 1 else "")
        self.folder = STATE / self.name
        STATE.mkdir(parents=True, exist_ok=True)
        with open(STATE / "start.lock", "w", encoding="utf-8") as starting:
            # One start at a time: a folder that is not locked yet must not look like a dead run's.
            fcntl.flock(starting, fcntl.LOCK_EX)
            remove_leftovers()
            self.folder.mkdir()
            self._locks = [_lock(self.folder / "lock")]
            self.ports = self._take_ports()

    def _take_ports(self) -> dict[str, int]:
        """The well-known ports, or those 1000, 2000 … above them where another run or program has one."""
        for slot in SLOTS:
            ports = {name: port + 1000 * slot for name, port in PORTS.items()}
            lock = _lock(STATE / f"ports-{slot}.lock")
            if lock is None:
                continue
            if all(_is_free(port) for port in ports.values()):
                self._locks.append(lock)
                return ports
            os.close(lock)
        raise RuntimeError(
            f"no free set of ports: tried {PORTS['prometheus']} and {len(SLOTS) - 1} sets above it"
        )

    def remove(self) -> None:
        """Removes the folder and gives the ports back. Everything that was started must have been stopped."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for lock in self._locks:
            if lock is not None:
                os.close(lock)
        self._locks = []


def _lock(path: Path) -> int | None:
    """Takes the file's lock for this process's life; None where another process holds it."""
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except BlockingIOError:
        os.close(file)
        return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def remove_leftovers() -> None:
    """Removes processes, cgroups, network namespaces and folders of runs that were killed."""
    for folder in sorted(STATE.glob("sonde-try-*")):
        lock = _lock(folder / "lock")
        if lock is None:
            continue
        print(f"removing what a killed run left behind: {folder.name}", file=sys.stderr)
        remove_traces(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_traces(name: str) -> None:
    """Kills every process in the run's cgroups, then removes these and the run's network namespaces."""
    cgroups.remove_trees(name)
    cgroups.remove_trees(f"{name}.tools")
    for namespace in sorted(NAMED_NAMESPACES.glob(f"{name}.*")):
        subprocess.run(["ip", "netns", "delete", namespace.name], check=False)
