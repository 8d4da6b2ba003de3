"""A program under test: started, its log read as it comes, ended as a service manager would."""
import os
import re
import subprocess
import threading
import urllib.error
import urllib.request
from typing import Any, Self

DEADLINE_SECONDS = 60


class RunningProgram:
    """`with RunningProgram([…]) as program:`; `log` has the lines of its standard error so far."""

    def __init__(self, command: list[str], **options: Any) -> None:
        """`options` are Popen's."""
        self.log: list[str] = []
        self.port = 0
        self._name = os.path.basename(command[0])
        self._closed = False
        self._changed = threading.Condition()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The match in the first line of the log that has one."""
        def found() -> re.Match[str] | None:
            return next((match for line in self.log if (match := re.search(pattern, line))), None)
        with self._changed:
            self._changed.wait_for(lambda: self._closed or found(), DEADLINE_SECONDS)
            match = found()
            assert match, f"{self._name} says nothing like {pattern!r}:\n" + "\n".join(self.log)
            return match

    def started(self) -> None:
        """Waits until it serves pages, on 127.0.0.1 at `port`."""
        self.port = int(self.wait_for(r"msg=listening .*port=(\d+)").group(1))

    def __enter__(self) -> Self:
        try:
            self.started()
        except AssertionError:
            self.end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Ends it; returns its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a page."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
