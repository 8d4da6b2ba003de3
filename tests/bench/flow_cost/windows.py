"""Windows in random order, and what their medians tell with how much certainty."""
import json
import os
import random
import statistics
import time
from collections.abc import Callable

from arms import NATIVE, Arm

RESAMPLES = 2000
Rounds = list[dict[str, float]]


def interleave(arms: list[Arm], rounds: int, window: Callable[[Arm], float], path: str | None) -> Rounds:
    """`rounds` times each arm once, in random order: arm → what its window gave.

    With a path the rounds are added to those of the file: a long measurement may be made in parts.
    """
    found: Rounds = []
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    start = time.monotonic()
    for number in range(rounds):
        found.append({arm.name: window(arm) for arm in random.sample(arms, len(arms))})
        if (number + 1) % 10 == 0:
            print(f"# {number + 1} of {rounds} rounds, {time.monotonic() - start:.0f} s", flush=True)
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(found, file)
    return found


def interval(rounds: Rounds, figure: Callable[[Rounds], float]) -> tuple[float, float, float]:
    """A figure of the rounds and its 95 % bootstrap interval: whole rounds are drawn, so that what was slow stays together."""
    drawn = sorted(figure(random.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    return figure(rounds), drawn[round(RESAMPLES * 0.025)], drawn[round(RESAMPLES * 0.975) - 1]


def median(name: str) -> Callable[[Rounds], float]:
    """Of an arm's windows."""
    return lambda rounds: statistics.median(one[name] for one in rounds)


def ratio(name: str) -> Callable[[Rounds], float]:
    """Of an arm's median to that of the native one."""
    return lambda rounds: median(name)(rounds) / median(NATIVE)(rounds)


def difference(name: str) -> Callable[[Rounds], float]:
    """Of an arm's median from that of the native one."""
    return lambda rounds: median(name)(rounds) - median(NATIVE)(rounds)
