"""Starts a server inside a cgroup, a network namespace and a user, and stops it again by its pid."""
import os
import pwd
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 10.0


@dataclass
class Placement:
    """Where a process runs."""

    cgroup_entries: list[Path]  # it writes its pid to each of these first
    network: Path | None = None  # a file of a network namespace; None: the caller's
    user: str | None = None  # None: root


@dataclass
class Process:
    """A server: what to run and where; its output goes to `log`."""

    name: str
    command: list[str]
    placement: Placement
    log: Path
    pass_fds: tuple[int, ...] = ()
    stdin: str = os.devnull
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Starts it; a shell joins the cgroups and becomes the server, so the pid stays the same."""
        joins = "".join(f"echo $$ >{shlex.quote(str(entry))} && " for entry in self.placement.cgroup_entries)
        prefix: list[str] = []
        if self.placement.network is not None:
            # Not `ip netns exec`: it mounts a new /sys, which hides the cgroups.
            prefix += ["nsenter", f"--net={self.placement.network}", "--"]
        if self.placement.user is not None:
            prefix += [
                "setpriv",
                f"--reuid={self.placement.user}",
                "--regid",
                _group(self.placement.user),
                "--clear-groups",
                "--",
            ]
        with open(self.log, "ab") as log, open(self.stdin, "rb") as stdin:
            # A session of its own: Ctrl-C reaches the loop, which stops everything in order.
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", f"{joins}exec {shlex.join(prefix + self.command)}"],
                stdin=stdin,
                stdout=log,
                stderr=log,
                pass_fds=self.pass_fds,
                start_new_session=True,
                cwd="/",
            )

    def run(self) -> None:
        """Starts it and waits for its end. Raises, with the end of its log, where it failed."""
        self.start()
        assert self._child is not None
        if self._child.wait() != 0:
            self.check()

    @property
    def pid(self) -> int:
        """The pid of the running server."""
        assert self._child is not None, f"{self.name} was not started"
        return self._child.pid

    def check(self) -> None:
        """Raises, with the end of its log, where it has ended by itself."""
        if self._child is not None and self._child.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self._child.returncode}:\n{self.log_tail()}")

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of a server that has ended."""
        return None if self._child is None else self._child.poll()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that does not help in time."""
        self.ask_to_stop()
        self.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM without waiting."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def wait(self) -> None:
        """Waits for the end; SIGKILL where it takes too long."""
        if self._child is None:
            return
        try:
            self._child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it."""
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def log_tail(self, lines: int = 12) -> str:
        """The end of its output."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def _group(user: str) -> str:
    """The user's primary group id."""
    return str(pwd.getpwnam(user).pw_gid)


def open_for(user: str, folder: Path) -> Path:
    """Makes the folder and gives it to the user."""
    folder.mkdir(parents=True, exist_ok=True)
    entry = pwd.getpwnam(user)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return folder
