"""What sonde-inject asked for and what it measured, of every injection that a Prometheus saw (fault_detection prints it)."""
import math
import statistics
from collections.abc import Callable

Points = list[tuple[float, float]]  # (time in Unix seconds, value)
QUANTITIES = ("cores", "delay_seconds", "loss_ratio", "leak_bytes_per_second")
LEAST_POINTS = 10  # of an injection; shorter ones say nothing


def injections(asked: Points, active: dict[float, float]) -> list[tuple[float, list[float]]]:
    """What was asked for in each, and the times at which its effect was proven."""
    found: list[tuple[float, list[float]]] = []
    before: float | None = None
    for time, value in asked:
        if active.get(time) != 1:
            before = None
            continue
        if before is None or not math.isclose(value, before, rel_tol=1e-6):  # a share of a rate is rounded anew each time
            found.append((value, []))
        before = value
        found[-1][1].append(time)
    return [(value, times) for value, times in found if len(times) >= LEAST_POINTS]


def ratios(quantity: str, series: Callable[[str], dict[tuple[str, str], Points]]) -> list[tuple[float, float]]:
    """(asked, measured) of each injection; measured: the median while it was there. `series`: by service and fault."""
    pairs = []
    measured, active = series(f"sonde_fault_measured_{quantity}"), series("sonde_fault_active")
    for target, asked in series(f"sonde_fault_asked_{quantity}").items():
        by_time = dict(measured.get(target, []))
        for value, times in injections(asked, dict(active.get(target, []))):
            pairs.append((value, statistics.median(by_time[time] for time in times if time in by_time)))
    return pairs


def show(series: Callable[[str], dict[tuple[str, str], Points]]) -> None:
    """Prints a line for each quantity."""
    print("\n| asked against measured | injections | measured / asked, median | from | to | largest difference |\n|---|---|---|---|---|---|")
    for quantity in QUANTITIES:
        pairs = ratios(quantity, series)
        if not pairs:
            continue
        shares = sorted(measured / asked for asked, measured in pairs)
        most = max(abs(measured - asked) for asked, measured in pairs)
        print(f"| {quantity} | {len(pairs)} | {statistics.median(shares):.3f} | {shares[0]:.3f} | {shares[-1]:.3f} | {most:.4g} |", flush=True)
