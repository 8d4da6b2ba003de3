#!/usr/bin/env python3
"""Works out, from the definitions and with the standard library only, the numbers that the tests here expect.

usage: expected.py > expected.h     (a test compares the two: expected.py --check expected.h)
"""
import functools
import math
import statistics
import sys


def series(seed: int, count: int, scale: float = 1.0) -> list[float]:
    """Values that C++ makes alike: a linear congruential generator, exact in integers, mapped to [0, scale)."""
    values, state = [], seed
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(scale * state / 2**31)
    return values


def quantile(values: list[float], q: float) -> float:
    """Type 7, by its definition."""
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def winsorised(values: list[float]) -> tuple[float, float]:
    """Mean and corrected standard deviation after pulling 5 % a side to the next order statistic."""
    cut = int(0.05 * len(values))
    ordered = sorted(values)
    pulled = [min(max(v, ordered[cut]), ordered[-1 - cut]) for v in values]
    a = statistics.NormalDist().inv_cdf(0.95)
    kept = 0.9 - 2 * a * statistics.NormalDist().pdf(a) + 0.1 * a * a
    return statistics.fmean(pulled), statistics.stdev(pulled) / math.sqrt(kept)


def dtw(a: list[float], b: list[float]) -> float:
    """The recursion of the definition, memoised."""
    sys.setrecursionlimit(10000)

    @functools.lru_cache(None)
    def cost(i: int, j: int) -> float:
        here = (a[i] - b[j]) ** 2
        if i == 0 and j == 0:
            return here
        steps = []
        if i > 0:
            steps.append(cost(i - 1, j))
        if j > 0:
            steps.append(cost(i, j - 1))
        if i > 0 and j > 0:
            steps.append(cost(i - 1, j - 1))
        return here + min(steps)

    return cost(len(a) - 1, len(b) - 1)


def exponential_outlier_factor() -> float:
    """Q3 + 1.5 IQR of the exponential distribution with mean 1, by bisection of its distribution function."""

    def inverse(p: float) -> float:
        low, high = 0.0, 50.0
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if 1 - math.exp(-middle) < p else (low, middle)
        return low

    q1, q3 = inverse(0.25), inverse(0.75)
    return q3 + 1.5 * (q3 - q1)


def change_rate() -> tuple[float, float]:
    """Alpha 0.5, no decay: observed from 0 s with 4 instances; 100 s: 2 added; 110 s: 1 added, 3 removed."""
    rate = 0.5 * (2 / 100)
    normal = 0.5 * (2 / (100 * 6))
    return 0.5 * (4 / 10) + 0.5 * rate, 0.5 * (4 / (10 * 6)) + 0.5 * normal


def main() -> int:
    mean, deviation = winsorised(series(7, 100, 10.0))
    rate, normalised = change_rate()
    small = series(3, 20, 5.0)
    scores = series(11, 500, 4.0)
    rows = {
        "kQuantile30": quantile(series(5, 37, 2.0), 0.3),
        "kMedian": statistics.median(series(5, 37, 2.0)),
        "kWinsorisedMean": mean,
        "kWinsorisedDeviation": deviation,
        "kPlainMean": statistics.fmean(series(9, 12)),
        "kPlainDeviation": statistics.stdev(series(9, 12)),
        "kDtwSquared20By20": dtw(series(1, 20), series(2, 20)),
        "kDtwSquared13By31": dtw(series(1, 13), series(2, 31)),
        "kThreshold997": quantile(scores, 0.997),
        "kThresholdSmall": 2 * max(small),
        "kExponentialOutlierFactor": exponential_outlier_factor(),
        "kChangeRate": rate,
        "kNormalisedChangeRate": normalised,
    }
    text = "#pragma once\n\n// Written by expected.py.\nnamespace sonde::analyzer::expected {\n\n"
    text += "".join(f"inline constexpr double {name} = {value:.17g};\n" for name, value in rows.items())
    text += "\n}  // namespace sonde::analyzer::expected\n"
    if sys.argv[1:2] == ["--check"]:
        with open(sys.argv[2], encoding="utf-8") as file:
            same = file.read() == text
        print("the same" if same else f"{sys.argv[2]} differs: run expected.py > {sys.argv[2]}")
        return 0 if same else 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
