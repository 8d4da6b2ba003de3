"""Cgroups that a test makes in every hierarchy that is mounted, and removes again with what runs in them."""
import os
import signal
import subprocess
import time

MEASURED = {"memory", "cpu", "cpuacct", "blkio", "pids"}
CONTROLLERS = {"cpu", "io", "memory", "pids"}


def measured_roots() -> list[str]:
    """Mount points of v2 and of the v1 controllers that the exporter measures."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        lines = mounts.readlines()
    for line in lines:
        before, _, after = line.rstrip("\n").partition(" - ")
        fields, kind = before.split(), after.split()
        if fields[3] == "/" and (kind[0] == "cgroup2" or
                                 (kind[0] == "cgroup" and MEASURED & set(kind[2].split(",")))):
            found.append(fields[4])
    return found


class TestCgroups:
    """A parent cgroup of the test's own; cgroups and processes below it. Everything goes at the end."""

    def __init__(self, roots: list[str] | None = None) -> None:
        self.roots = roots if roots is not None else measured_roots()
        self.name = f"sonde-test-{os.getpid()}"
        self.made: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "TestCgroups":
        self.make("")
        self._switch_controllers_on()
        return self

    def _switch_controllers_on(self) -> None:
        """On v2 cgroups have files of those controllers alone that the one above them has switched on."""
        for root in self.roots:
            parent = os.path.join(root, self.name)
            if not os.path.exists(f"{parent}/cgroup.controllers"):
                continue  # v1
            with open(f"{parent}/cgroup.controllers", encoding="ascii") as file:
                there = CONTROLLERS.intersection(file.read().split())
            with open(f"{parent}/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write(" ".join("+" + controller for controller in sorted(there)))

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        for path in reversed(self.made):
            self.remove(path)

    def make(self, path: str) -> str:
        """Makes the cgroup (and those above it) in every hierarchy; returns its path below the root."""
        parts = path.split("/") if path else []
        for depth in range(len(parts) + 1):
            part = "/".join([self.name] + parts[:depth])
            for root in self.roots:
                os.makedirs(os.path.join(root, part), exist_ok=True)
            if part not in self.made:
                self.made.append(part)
        return "/" + "/".join([self.name] + parts)

    def remove(self, path: str) -> None:
        """Removes a cgroup by its path below the root from every hierarchy."""
        path = path.lstrip("/")
        for root in self.roots:
            deadline = time.monotonic() + 30
            while os.path.isdir(os.path.join(root, path)):
                try:
                    os.rmdir(os.path.join(root, path))
                except OSError:  # its last process has not been reaped by the kernel yet
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
        if path in self.made:
            self.made.remove(path)

    def run(self, path: str, *command: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Starts a command inside the cgroup, in every hierarchy; it has joined before the command begins."""
        files = " ".join(f"'{root}/{path.lstrip('/')}/cgroup.procs'" for root in self.roots)
        script = f'for file in {files}; do echo $$ > "$file" || exit 99; done; exec "$@"'
        process = subprocess.Popen([*prefix, "sh", "-c", script, "sh", *command], stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kills a command that run() started."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self.processes.remove(process)
