"""./try as a child process: start it, read it, look for what it left behind."""
import subprocess
from pathlib import Path

from demo.loop import cgroups, run

ROOT = Path(__file__).resolve().parents[2]


def start(*command: str) -> subprocess.Popen[str]:
    """The command, which is or becomes (exec) ./try; its output is one stream."""
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Reads up to the first line that holds the text. Raises with all that was said if it ends before."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return "".join(seen)
    raise AssertionError(f"ended without saying '{text}':\n{''.join(seen)}")


def traces(pid: int) -> list[Path]:
    """What a run of that process left behind."""
    name = f"sonde-try-{pid}"
    places = [*cgroups.hierarchies(), run.STATE, run.NAMED_NAMESPACES]
    return [found for place in places for found in place.glob(f"{name}*")]
