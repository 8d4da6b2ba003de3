"""The experiment with a slow network: a delay between two services, the trace that it begins, and whose it says it is."""
import time
from typing import Any

from demo.loop import client
from demo.loop.experiment import Outcome, observe
from demo.loop.loop import Loop
from demo.loop.progress import say
from demo.loop.shop import service_of

TARGET = "redis"
DELAY_SECONDS = 0.1
EXPORTER_FLAGS = ("--flows.trigger.absolute=*=60ms", "--flows.trigger.duration=2s", "--flows.trigger.interval=5s")
TRACE_SECONDS = 60.0
PART = "network"


def traces(loop: Loop, after: float) -> list[dict[str, Any]]:
    """The reports of the traces that an alert began after that Unix time, the latest first."""
    listed = client.get_json(loop.url("exporter") + "/traces")["traces"]
    return [
        client.get_json(f"{loop.url('exporter')}/traces/{trace['id']}")
        for trace in listed
        if trace["cause"] == "trigger" and trace["started_seconds"] >= after
    ]


def workload(pair: dict[str, Any], end: str, key: str) -> str:
    """A label of a pair's end; "" where it is no container of this node."""
    return str((pair[end]["workload"] or {}).get(key, ""))


def verdict(reports: list[dict[str, Any]], container: str) -> dict[str, Any] | None:
    """The latest pair that has the container at one end and was timed."""
    for report in reports:
        for pair in report["pairs"]:
            ends = [workload(pair, end, "container") for end in ("sender", "receiver")]
            if container in ends and pair["slowest"] != "none":
                found: dict[str, Any] = pair
                return found
    return None


def published(loop: Loop, pair: dict[str, Any]) -> float | None:
    """The share of the network that /metrics shows for the pair."""
    wanted = {f"{end}_{key}": workload(pair, end, key) for end in ("sender", "receiver") for key in ("pod", "service")}
    for sample in loop.scrape("exporter", "sonde_trace_delay_share_ratio"):
        if sample.labels["part"] == PART and wanted.items() <= sample.labels.items():
            return sample.value
    return None


def judge(pair: dict[str, Any], metric: float | None) -> Outcome:
    """Passes where the trace names the network, surely enough, and /metrics says the same."""
    share = pair["share"][PART]
    right = pair["slowest"] == PART and share > 0.5 and pair["confidence"] > 0.5
    names = [service_of(workload(pair, end, "service")) or pair[end]["address"] for end in ("sender", "receiver")]
    summary = (
        f"{'right' if right else 'wrong'}: the network is slow, the trace names {pair['slowest']} between {' and '.join(names)}: "
        f"{share:.0%} of {pair['delay_seconds'] * 1e3:.0f} ms there and back are the network's, confidence {pair['confidence']:.2f}"
    )
    if metric is None or abs(metric - share) > 1e-6:
        return Outcome(False, f"{summary}; sonde_trace_delay_share_ratio says {metric}")
    return Outcome(right, summary)


def run(loop: Loop, container: str, quiet_seconds: float) -> Outcome:
    """Passes where the delay begins a trace that names the network, and nothing began one before."""
    began = time.time()
    early = observe(loop, quiet_seconds, "quiet phase")
    if untimely := traces(loop, began):
        return Outcome(False, f"{len(untimely)} traces began before the delay", early)
    began = time.time()
    with loop.delay(container, DELAY_SECONDS) as delay:
        say(f"what is sent to {container} comes {DELAY_SECONDS * 1e3:.0f} ms late ({delay.how()}); waiting for a trace")
        pair = client.wait_for("a trace", lambda: verdict(traces(loop, began), container), TRACE_SECONDS)
        return judge(pair, published(loop, pair))
