"""What ./try tells the person who started it."""
import time
from typing import Any

_START = time.monotonic()
_BARS = "▁▂▃▄▅▆▇█"


def say(text: str) -> None:
    """One line with the seconds since the start."""
    print(f"[{time.monotonic() - _START:5.1f} s] {text}", flush=True)


def show_diagnosis(diagnosis: dict[str, Any], delay_seconds: float) -> None:
    """The analyzer's diagnosis for people: who, what, on what evidence, how fast."""
    _row("verdict", f"{diagnosis['verdict']}: {diagnosis['summary']}")
    for finding in diagnosis["findings"]:
        _row("service", f"{finding['service']} (namespace {finding['namespace']})")
        _row("container", finding["container"])
        _row("fault", f"{finding['fault']}, confidence {finding['confidence']:.2f}, since {finding['since']}")
        for label, items in (("evidence", finding["evidence"][:4]), ("replicas", finding["replicas"])):
            for place, item in enumerate(items):
                _row(label if place == 0 else "", _evidence(item))
    for finding in diagnosis["elsewhere"]:
        _row("elsewhere", f"{finding['container']}: {finding['explanation']}")
    _row("delay", f"{delay_seconds:.1f} s from the injection to the alert in Alertmanager")


def _row(label: str, text: str) -> None:
    print(f"  {label:<10} {text}", flush=True)


def _evidence(item: dict[str, Any]) -> str:
    values = [f"{_number(item['value'])} {item['unit']}", f"expected {_number(item['expected'])}"]
    return f"{item['quantity']:<24} {sparkline(item.get('points', []))} {', '.join(values)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def sparkline(points: list[float | None]) -> str:
    """The points as bars of eight heights between 0 and the largest; a blank where there is none."""
    known = [point for point in points if point is not None]
    top = max(known, default=0)
    step = top / (len(_BARS) - 1) if top > 0 else 1
    return "".join(" " if point is None else _BARS[max(0, round(point / step))] for point in points)
