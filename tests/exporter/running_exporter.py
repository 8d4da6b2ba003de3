"""A sonde-exporter under test: started on a free port, read, ended."""
import os
import re
import subprocess
import threading
import urllib.error
import urllib.request

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-exporter")
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
DEADLINE_SECONDS = 60

Series = tuple[str, frozenset[tuple[str, str]]]


class RunningExporter:
    """`with RunningExporter("--flag", …) as exporter:`; the node lock is the test's own unless a flag says otherwise."""

    def __init__(self, *flags: str, user: int | None = None) -> None:
        lock = [] if any(flag.startswith("--node.lock") for flag in flags) else [f"--node.lock=sonde-test-{os.getpid()}"]
        self.process = subprocess.Popen([PROGRAM, "--web.listen-address=127.0.0.1:0", *lock, *flags],
                                        stderr=subprocess.PIPE, text=True, user=user,
                                        extra_groups=[] if user is not None else None)
        self.log: list[str] = []
        self.port = 0
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))
            if found := re.search(r"msg=listening .*port=(\d+)", line):
                self.port = int(found.group(1))
                self._ready.set()
        self._ready.set()

    def __enter__(self) -> "RunningExporter":
        if not self._ready.wait(DEADLINE_SECONDS) or not self.port:
            self.end()
            raise AssertionError("sonde-exporter did not start:\n" + "\n".join(self.log))
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Ends it as a service manager would; returns its exit code."""
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

    def page(self, query: str = "") -> str:
        status, body = self.get("/metrics" + query)
        assert status == 200, (status, body)
        return body


def samples(page: str) -> list[tuple[Series, float]]:
    """Every sample line of a page, in its order."""
    found = []
    for line in page.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        labels = frozenset(LABEL.findall(match.group(2) or ""))
        found.append(((match.group(1), labels), float(match.group(3))))
    return found


def value(page: str, name: str, **labels: str) -> float | None:
    """The value of the one series of that name that has these labels; None if there is none."""
    wanted = set(labels.items())
    matching = [number for (series, has), number in samples(page) if series == name and wanted <= has]
    assert len(matching) <= 1, (name, labels, matching)
    return matching[0] if matching else None
