#!/usr/bin/env python3
"""What a killed run left behind is found and removed; what a living run has stays."""
import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from demo.loop import cgroups, run
from demo.loop.client import wait_for

# A run with a cgroup, a network and a process that is in both; it says its name and the process's pid.
CHILD = """
import signal, sys
from pathlib import Path
from demo.loop import cgroups, network, process, run
this = run.Run()
tree = cgroups.Tree(this.name)
tree.add("member")
net = network.Network(this.name, ["member"])
net.up()
server = process.Process("sleeper", ["sleep", "1000"],
                         process.Placement(tree.entries("member"), net.file("member")), this.folder / "log")
server.start()
print(this.name, server.pid, flush=True)
signal.pause()
"""


class RunningChild:
    """A run in a process of its own, which is killed like a crash would."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.name, pid = self._process.stdout.readline().split()
        self.pid = int(pid)
        wait_for(
            "the process is in its cgroup", lambda: self.cgroup_of_process() == f"/{self.name}/member", 10
        )

    def cgroup_of_process(self) -> str:
        """The path in the last hierarchy of /proc/PID/cgroup, or "" where there is no living process."""
        try:
            text = Path(f"/proc/{self.pid}/cgroup").read_text(encoding="utf-8")
            if not Path(f"/proc/{self.pid}/cmdline").read_bytes():
                return ""  # a zombie that its new parent has not collected
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return text.splitlines()[-1].split(":", 2)[2]

    def kill(self) -> None:
        """SIGKILL to the run, not to what it started."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def traces(self) -> list[str]:
        """Everything of the run that exists."""
        found = [str(root / self.name) for root in cgroups.hierarchies() if (root / self.name).exists()]
        found += [str(path) for path in run.NAMED_NAMESPACES.glob(f"{self.name}.*")]
        found += [str(path) for path in run.STATE.glob(self.name)]
        return found + ([f"process {self.pid}"] if self.cgroup_of_process() else [])


class LeftoversTest(unittest.TestCase):
    """Needs root."""

    def test_a_killed_runs_traces_are_removed_and_a_living_runs_stay(self) -> None:
        dead, alive = RunningChild(), RunningChild()
        try:
            dead.kill()
            self.assertGreaterEqual(len(dead.traces()), 4, "the killed run left nothing behind")
            before = alive.traces()
            run.remove_leftovers()
            self.assertEqual(dead.traces(), [])
            self.assertEqual(alive.traces(), before)
        finally:
            alive.kill()
            run.remove_leftovers()
        self.assertEqual(alive.traces(), [])

    def test_two_runs_have_different_ports(self) -> None:
        one, other = run.Run(), run.Run()
        try:
            self.assertFalse(set(one.ports.values()) & set(other.ports.values()))
            self.assertNotEqual(one.name, other.name)
        finally:
            one.remove()
            other.remove()
        self.assertFalse(one.folder.exists())


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: cgroups and network namespaces need root")
        sys.exit(77)
    unittest.main()
