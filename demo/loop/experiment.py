"""One experiment on a running loop: a quiet phase, a fault, what the alert and the diagnosis say of it."""
import random
import time
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from demo.loop.client import Unavailable
from demo.loop.loop import Loop
from demo.loop.progress import say
from demo.loop.shop import CONTAINERS, service_of

ALERT = "SondeCulprit"
ALERT_SECONDS = 60.0
LEARN_SECONDS = 90.0
REPORT_EVERY_SECONDS = 5.0


@dataclass
class Outcome:
    """What came of an experiment; `passed` is ./try --once's exit code."""

    passed: bool
    summary: str
    early_alerts: list[dict[str, str]] = field(default_factory=list)
    delay_seconds: float | None = None
    diagnosis: dict[str, Any] | None = None


def draw(target: str | None, seed: int) -> str:
    """The container to fault: any, or one of the named service's; the seed decides."""
    candidates = [name for name in CONTAINERS if target in (None, name, service_of(name))]
    if not candidates:
        raise ValueError(
            f"--target {target}: no such container or service; choose from "
            f"{', '.join(sorted({*CONTAINERS, *map(service_of, CONTAINERS)}))}"
        )
    return random.Random(seed).choice(candidates)


def unlearned(loop: Loop) -> list[str]:
    """The containers that the analyzer has no baseline of yet; all where Prometheus does not answer."""
    try:
        learned = loop.query(f'sonde_anomaly_threshold{{detector="zscore",namespace="{loop.namespace}"}}')
    except Unavailable:
        return CONTAINERS
    known = {sample.labels["container"] for sample in learned}
    return [container for container in CONTAINERS if container not in known]


def observe(loop: Loop, seconds: float, what: str, learning: bool = False) -> list[dict[str, str]]:
    """Watches for alerts of any name for a while; says how it goes every few seconds. With `learning` at least until
    every container has a baseline, which takes the analyzer some twenty steps.

    What Alertmanager was too busy to show is taken from Prometheus at the end, so a poll that fails hides nothing.
    """
    seen: dict[tuple[str, str], dict[str, str]] = {}

    def note(alerts: list[dict[str, str]]) -> None:
        for alert in alerts:
            key = (alert["alertname"], alert.get("container", ""))
            if key not in seen:
                seen[key] = alert
                say(f"{what}: alert {describe(alert)}")

    start = time.monotonic()
    end = start + seconds
    next_report = 0.0
    give_up = start + seconds + LEARN_SECONDS
    while (left := end - time.monotonic()) > 0 or (learning and unlearned(loop)):
        if time.monotonic() > give_up:
            raise TimeoutError(f"the analyzer learned no baseline of {', '.join(unlearned(loop))}")
        try:
            note(loop.alerts())
        except Unavailable as error:
            say(f"{what}: {error}")
        if time.monotonic() >= next_report:
            left_to_learn = len(unlearned(loop))
            progress = f"{left:.0f} s left" if left > 0 else "until there is a baseline (some 45 s from the start)"
            if learning and left_to_learn:
                progress += f", {len(CONTAINERS) - left_to_learn} of {len(CONTAINERS)} learned"
            say(f"{what}: {progress} · {state(loop)}")
            next_report = time.monotonic() + REPORT_EVERY_SECONDS
        time.sleep(min(0.5, left) if left > 0 else 0.5)
    note(loop.fired(time.monotonic() - start))
    return list(seen.values())


def state(loop: Loop) -> str:
    """One line: how the shop fares, and the score that is nearest to its threshold."""
    try:
        rate = loop.query('sum(rate(sonde_workload_requests_total{code="200"}[10s]))')
        latency = loop.query('sonde_workload_recent_request_duration_seconds{quantile="0.99"}')
        highest = loop.query("topk(1, sonde_anomaly_score / (sonde_anomaly_threshold > 0))")
    except Unavailable as error:
        return str(error)
    # A rate takes two scrapes; a latency is of requests, so it waits for them.
    parts = [f"{rate[0].value:.0f} requests/s" if rate else "request rate not known yet: it takes two scrapes"]
    if rate:
        parts += [f"99 % within {sample.value * 1000:.0f} ms" for sample in latency if isfinite(sample.value)]
    parts += [
        f"highest score {sample.value:.1f} × threshold ({sample.labels.get('container')}, "
        f"{sample.labels.get('detector')})"
        for sample in highest
    ]
    return ", ".join(parts)


def describe(alert: dict[str, str]) -> str:
    """An alert in a few words."""
    about = [f"{key} {alert[key]}" for key in ("service", "container", "fault") if alert.get(key)]
    return f"{alert['alertname']} ({', '.join(about)})" if about else alert["alertname"]


def run_fault(loop: Loop, container: str, quiet_seconds: float) -> Outcome:
    """A CPU hog in one container: passes where the alert names that container, and none came before."""
    early = observe(loop, quiet_seconds, "quiet phase", learning=True)
    say(f"injecting a CPU hog into {container}")
    injection = loop.inject(container)
    say(f"the hog runs; waiting for {ALERT} to reach Alertmanager")
    found = loop.wait_for_alert(ALERT, ALERT_SECONDS)
    if found is None:
        return Outcome(False, f"no {ALERT} within {ALERT_SECONDS:.0f} s of the injection", early)
    alert, seen_at = found
    delay = seen_at - injection.start
    diagnosis = loop.diagnose(alert.get("service", ""))
    right = alert.get("container") == container and alert.get("namespace") == loop.namespace
    summary = (
        f"{'right' if right else 'wrong'}: the fault is in {container}, "
        f"the alert names {alert.get('container')}, {delay:.1f} s after the injection"
    )
    if early:
        summary += f"; {len(early)} alerts before it"
    return Outcome(right and not early, summary, early, delay, diagnosis)


def run_none(loop: Loop, seconds: float) -> Outcome:
    """Nothing happens: passes where nothing alerts."""
    early = observe(loop, seconds, "no fault")
    names = ", ".join(map(describe, early))
    return Outcome(
        not early, f"{len(early)} alerts: {names}" if early else "no alert, as it should be", early
    )


def run_load(loop: Loop, rate: float, quiet_seconds: float, seconds: float) -> Outcome:
    """The load doubles: passes where no container is named."""
    early = observe(loop, quiet_seconds, "quiet phase", learning=True)
    say(f"doubling the load to {2 * rate:g} requests/s")
    loop.set_rate(2 * rate)
    named = [alert for alert in early + observe(loop, seconds, "doubled load") if alert["alertname"] == ALERT]
    summary = (
        "named: " + ", ".join(map(describe, named)) if named else "no container was named, as it should be"
    )
    return Outcome(not named, summary, early)
