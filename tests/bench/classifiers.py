#!/usr/bin/python3
"""How long the classifiers take beside scikit-learn's, on one table in one run; one core, no threads of BLAS.

usage: classifiers.py [--rounds 3] [TABLE.csv]   (columns: features…, label; default: 16,938 made-up rows of 38 columns)
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is loaded
import numpy as np  # noqa: E402
from sklearn.datasets import make_classification  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import SVC  # noqa: E402

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
THEIRS = {"knn": lambda: KNeighborsClassifier(5, n_jobs=1), "svm": lambda: SVC(kernel="linear", C=1),
          "naive_bayes": GaussianNB, "random_forest": lambda: RandomForestClassifier(50, max_depth=5, n_jobs=1)}


def made_up(path: str) -> None:
    x, y = make_classification(16938, 38, n_informative=12, n_redundant=10, n_classes=11, n_clusters_per_class=1,
                               class_sep=1.5, random_state=1)
    header = ",".join([*(f"f{i}" for i in range(x.shape[1])), "label"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=header, comments="")


def run(*words: str) -> dict[str, dict[str, float]]:
    """What our program takes."""
    done = subprocess.run([PROGRAM, "evaluate", "classify", *words, "--json"], capture_output=True, text=True, check=True)
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        table = options.table or os.path.join(folder, "table.csv")
        if not options.table:
            made_up(table)
        with open(table, encoding="utf-8") as file:
            header, *lines = file.read().splitlines()
        asked = np.random.default_rng(1).permutation(len(lines)) < len(lines) // 5  # never learnt from
        parts = [os.path.join(folder, "learnt.csv"), os.path.join(folder, "asked.csv")]
        for path, wanted in zip(parts, (False, True), strict=True):
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join([header, *(line for line, ask in zip(lines, asked, strict=True) if ask == wanted)]) + "\n")
        cells = np.array([line.split(",") for line in lines])
        x, y = StandardScaler().fit_transform(cells[:, :-1].astype(float)), cells[:, -1]
        print(f"{x.shape[0]} rows of {x.shape[1]} columns, {len(set(y))} classes; learnt from all; of a fifth, then not learnt from, told")
        seconds: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in THEIRS}
        for _ in range(options.rounds):
            fits, tells = run("--train", table, "--test", parts[1]), run("--train", parts[0], "--test", parts[1])
            for name, make in THEIRS.items():
                begin = time.perf_counter()
                make().fit(x, y)
                fitted = time.perf_counter()
                model = make().fit(x[~asked], y[~asked])
                ready = time.perf_counter()
                model.predict(x[asked])
                seconds[name].append((fits[name]["fit_seconds"], fitted - begin, tells[name]["predict_seconds"],
                                      time.perf_counter() - ready))
    for name, rounds in seconds.items():
        fit, their_fit, predict, their_predict = (statistics.median(column) for column in zip(*rounds))
        print(f"{name:14} fit {fit:7.3f} s, scikit-learn {their_fit:7.3f}: {fit / their_fit:5.2f} x   "
              f"rows {predict:7.3f} s, {their_predict:7.3f}: {predict / their_predict:5.2f} x")
    each = sum(statistics.median(column[2] for column in rounds) for rounds in seconds.values()) / asked.sum()
    print(f"one row through all four: {each * 1e3:.3f} ms")


if __name__ == "__main__":
    main()
