#!/usr/bin/env python3
"""How well the four classifiers tell the faults of one or two campaigns (./try --campaign full --rate R --output FOLDER).

For the tables A and B, and for C, which is both: whole injections left out (a third of each class, drawn anew --splits
times), and rows left out at random, as the published figures were made; then learnt from one and tested with the other, as
it is and with its normal rows' place told (--calibration-rows). Macro F1, median and range over the draws. What each service's columns tell alone stands in the campaigns' own report.md.

usage: tests/bench/campaign_classes.py A/campaign.csv.gz [B/campaign.csv.gz] [--splits 9]
"""
import argparse
import csv
import gzip
import json
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "bin" / "sonde-analyzer"
CLASSIFIERS = ("knn", "svm", "naive_bayes", "random_forest")
BY_INJECTION = ("--split=groups", "--group=injection", "--test-share=0.34")
CALIBRATION = ("--calibration-rows=60",)
BY_ROW = ("--split=rows", "--test-share=0.2")


def evaluate(*words: str) -> dict[str, Any]:
    """What `sonde-analyzer evaluate classify` finds."""
    done = subprocess.run(
        [str(PROGRAM), "evaluate", "classify", "--json", *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"evaluate classify {' '.join(words)}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def macro_f1(splits: int, *words: str) -> dict[str, list[float]]:
    """Of each classifier, one of each draw."""
    runs = [evaluate(*words, f"--seed={seed}") for seed in range(1, splits + 1)]
    return {name: [run[name]["macro"]["f1"] for run in runs] for name in CLASSIFIERS}


def cell(scores: list[float]) -> str:
    """ "0.97 (0.93 to 0.99)"."""
    if len(scores) == 1:
        return f"{scores[0]:.3f}"
    return f"{statistics.median(scores):.3f} ({min(scores):.3f} to {max(scores):.3f})"


def row(title: str, scores: dict[str, list[float]]) -> None:
    """Prints a line."""
    print(f"| {title} | " + " | ".join(cell(scores[name]) for name in CLASSIFIERS) + " |", flush=True)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def join(tables: list[Path], folder: Path) -> Path:
    """Both tables in one, with the columns that all have; injections stay apart."""
    parts = [read(path) for path in tables]
    columns = [name for name in parts[0][0] if all(name in part[0] for part in parts)]
    path = folder / "both.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for number, part in enumerate(parts):
            writer.writerows({**one, "injection": f"{number}-{one['injection']}"} for one in part)
    return path


def show(name: str, table: Path, splits: int) -> None:
    """The lines of one table."""
    row(f"{name}, whole injections left out", macro_f1(splits, f"--train={table}", *BY_INJECTION))
    row(f"{name}, rows at random", macro_f1(splits, f"--train={table}", *BY_ROW))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE")
    parser.add_argument("--splits", type=int, default=9)
    options = parser.parse_args()
    print("| macro F1 | " + " | ".join(CLASSIFIERS) + " |\n|---|---|---|---|---|")
    for name, table in zip("AB", options.tables, strict=False):
        show(name, table, options.splits)
    if len(options.tables) == 2:
        with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
            show("C", join(options.tables, Path(folder)), options.splits)
        first, second = options.tables
        for title, words in (("as it is", ()), ("normal as 60 rows of it have it", CALIBRATION)):
            for learnt, tested, train, test in (("A", "B", first, second), ("B", "A", second, first)):
                scores = evaluate(f"--train={train}", f"--test={test}", *words)
                row(f"learnt from {learnt}, tested with {tested}, {title}", {name: [scores[name]["macro"]["f1"]] for name in CLASSIFIERS})


if __name__ == "__main__":
    main()
