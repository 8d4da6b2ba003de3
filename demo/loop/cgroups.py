"""A tree of cgroups in every hierarchy that is mounted: all of v1's controllers, v2, or both."""
import os
import signal
import time
from pathlib import Path

KILL_SECONDS = 20.0
# The whole tree competes with each single process at the root of the hierarchy: it weighs as ten of them.
WEIGHTS = {"cpu.shares": "10240", "cpu.weight": "1000"}


def hierarchies() -> list[Path]:
    """Where each cgroup hierarchy is mounted."""
    found: dict[str, Path] = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            before, after = line.split(" - ", 1)
            kind = after.split()[0]
            device, mount_point = before.split()[2], before.split()[4]
            if kind in ("cgroup", "cgroup2"):
                found.setdefault(device, Path(mount_point))
    return list(found.values())


class Tree:
    """The cgroups /NAME/<member> in every hierarchy."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._roots = hierarchies()
        if not self._roots:
            raise RuntimeError(
                "no cgroup hierarchy is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup"
            )

    def add(self, member: str) -> None:
        """Makes the member's cgroups, ready to take processes."""
        for root in self._roots:
            top = root / self.name
            _make(top, root)
            for name, weight in WEIGHTS.items():
                if (top / name).exists():
                    _try_write(top / name, weight)
            _make(top / member, top)

    def entries(self, member: str) -> list[Path]:
        """The files that a process writes its pid to in order to join the member."""
        return [root / self.name / member / "cgroup.procs" for root in self._roots]

    def path(self, member: str) -> str:
        """The member's path below every hierarchy's root."""
        return f"/{self.name}/{member}"

    def remove(self) -> None:
        """Kills what still runs in the tree and removes it."""
        remove_trees(self.name)


def _make(folder: Path, parent: Path) -> None:
    """Makes one cgroup; v2's controllers and v1's cpusets have to be handed down from the parent."""
    if (parent / "cgroup.subtree_control").exists():
        for controller in (parent / "cgroup.controllers").read_text(encoding="utf-8").split():
            _try_write(parent / "cgroup.subtree_control", f"+{controller}")
    folder.mkdir(exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (parent / "cgroup.controllers").exists() and (folder / name).exists():
            _try_write(folder / name, (parent / name).read_text(encoding="utf-8").strip())


def _try_write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        pass  # a controller that cannot be handed down here: its measurements are absent, the rest works


def remove_trees(name: str) -> None:
    """Kills every process in /NAME of every hierarchy and removes these cgroups. Raises where some stay."""
    tops = [root / name for root in hierarchies() if (root / name).is_dir()]
    deadline = time.monotonic() + KILL_SECONDS
    while left := [top for top in tops if top.is_dir()]:
        for top in left:
            _kill(top)
            _remove(top)
        if time.monotonic() > deadline:
            raise RuntimeError(f"cannot remove the cgroups {', '.join(str(top) for top in left)}")
        time.sleep(0.02)


def _kill(top: Path) -> None:
    for folder, _, _ in os.walk(top):
        try:
            pids = [int(pid) for pid in Path(folder, "cgroup.procs").read_text(encoding="utf-8").split()]
        except OSError:
            continue  # removed meanwhile
        for pid in pids:
            try:
                if pid > 0:  # 0: a process of another pid namespace
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _remove(top: Path) -> None:
    folders = [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return  # processes are still leaving; the caller tries again
