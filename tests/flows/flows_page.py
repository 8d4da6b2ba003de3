"""What a sonde-exporter says of flows and pairs, and a wait for what it cannot say at once."""
import json
import time
from collections.abc import Callable
from typing import Any

from running_exporter import RunningExporter, samples

DEADLINE_SECONDS = 60
Flow = dict[str, Any]


def flows(exporter: RunningExporter, pod: str) -> dict[int, Flow]:
    """GET /flows of one pod, by the pod's port."""
    status, body = exporter.get(f"/flows?pod={pod}&limit=1000")
    assert status == 200, (status, body)
    return {flow["local"]["port"]: flow for flow in json.loads(body)["flows"]}


def settled_page(exporter: RunningExporter) -> str:
    """A page with all samples: a row that is new begins at 0, and then so does each of its histograms."""
    for _ in range(2):
        exporter.page()
    return exporter.page()


def total(page: str, name: str, **labels: str) -> float:
    """Sum over all series of that name that have these labels."""
    wanted = set(labels.items())
    return sum(number for (series, has), number in samples(page) if series == name and wanted <= has)


def wait_for(what: str, condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """Asks until the answer is true; returns it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return answer


def attached(exporter: RunningExporter, count: int) -> None:
    """Waits until so many interfaces have programs."""
    wait_for(f"{count} interfaces have programs",
             lambda: total(exporter.page(), "sonde_exporter_flow_interfaces") == count)
