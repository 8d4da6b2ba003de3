"""A sonde-exporter under test: started on a free port, read, ended."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from running_program import RunningProgram  # noqa: E402

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-exporter")
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')

Series = tuple[str, frozenset[tuple[str, str]]]


class RunningExporter(RunningProgram):
    """`with RunningExporter("--flag", …) as exporter:`; the node lock is the test's own unless a flag says otherwise."""

    def __init__(self, *flags: str, user: int | None = None) -> None:
        lock = [] if any(flag.startswith("--node.lock") for flag in flags) else [f"--node.lock=sonde-test-{os.getpid()}"]
        super().__init__([PROGRAM, "--web.listen-address=127.0.0.1:0", *lock, *flags], user=user,
                         extra_groups=[] if user is not None else None)

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
