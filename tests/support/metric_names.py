"""The metrics that this project has, by name, read from the rows in its sources."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of every target of Prometheus, not declared by us.
FOREIGN = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
# Not after a colon: those are parts of names of recording rules.
_USED = re.compile(r"(?<![:\w])(?:(?:sonde|process)_[a-z0-9_]+|up)(?![:\w])")
_DECLARED = re.compile(r'"(sonde_[a-z0-9_]+)"')


def declared() -> set[str]:
    """Names in the sources of the programs."""
    names: set[str] = set()
    for folder in ("common", "exporter", "analyzer", "inject"):
        for source in (ROOT / folder).rglob("*"):
            if source.suffix in (".cpp", ".h"):
                names.update(_DECLARED.findall(source.read_text(encoding="utf-8")))
    return names


def unknown_in(expression: str) -> set[str]:
    """Metrics that a PromQL expression reads and no program has."""
    text = re.sub(r'"[^"]*"', "", expression)  # values of matchers are no metrics
    used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _USED.findall(text)}
    return used - declared() - FOREIGN
