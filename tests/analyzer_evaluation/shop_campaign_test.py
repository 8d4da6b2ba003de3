#!/usr/bin/env python3
"""The classifiers on campaigns that were run on the demo shop (data/README.md): injections that they have not seen are told."""
import json
import os
import re
import statistics
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
DATA = Path(__file__).parent / "data"
TABLE, BUSIER = DATA / "shop-60.csv.gz", DATA / "shop-100.csv.gz"
CLASSES = {"normal", "heavy workload"} | {
    f"{service}/{fault}" for service in ("api", "postgres", "redis") for fault in ("cpu", "latency", "loss", "memory")
}


def run(*words: str) -> str:
    """What sonde-analyzer prints."""
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def classify(*words: str) -> dict:
    """What `evaluate classify` finds."""
    return json.loads(run("evaluate", "classify", "--json", *words))


def evaluate(seed: int, *more: str) -> dict:
    """A third of each class's injections is left out."""
    return classify(f"--train={TABLE}", "--split=groups", "--group=injection", "--test-share=0.34", f"--seed={seed}", *more)


class ShopCampaign(unittest.TestCase):
    def test_the_svm_tells_injections_that_it_has_not_seen(self) -> None:
        draws = [evaluate(seed) for seed in range(1, 6)]
        for draw in draws:
            self.assertEqual(set(draw["svm"]["classes"]), CLASSES)
        f1 = {name: statistics.median(draw[name]["macro"]["f1"] for draw in draws) for name in draws[0]}
        print(f1, flush=True)
        self.assertGreaterEqual(f1["svm"], 0.97)
        self.assertGreaterEqual(f1["knn"], 0.93)
        self.assertGreaterEqual(f1["random_forest"], 0.85)

    def test_what_has_nothing_of_the_faults_tells_little(self) -> None:
        # The counterpart: of one column of one service no classifier makes fourteen classes.
        told = evaluate(1, "--columns=redis_page_faults")
        self.assertLess(max(one["macro"]["f1"] for one in told.values()), 0.4)

    def test_at_another_load_faults_are_told_once_it_is_known_where_normal_lies(self) -> None:
        words = (f"--train={TABLE}", f"--test={BUSIER}")
        as_it_is = {name: one["macro"]["f1"] for name, one in classify(*words).items()}
        moved = {name: one["macro"]["f1"] for name, one in classify(*words, "--calibration-rows=60").items()}
        print(as_it_is, moved, flush=True)
        self.assertLess(max(as_it_is.values()), 0.5)
        for name in ("svm", "knn", "random_forest"):
            self.assertGreaterEqual(moved[name], 0.85, name)

    def test_a_saved_model_does_as_what_is_learnt_anew_and_after_it_was_moved(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-models-")))
        run("train", f"--input={TABLE}", f"--model={folder}", "--seed=1")
        saved = classify(f"--model={folder}", f"--test={BUSIER}")
        anew = classify(f"--train={TABLE}", f"--test={BUSIER}", "--seed=1")
        self.assertEqual(saved.keys(), anew.keys())
        for name, one in saved.items():
            self.assertEqual(one["confusion"], anew[name]["confusion"], name)
        said = run("calibrate", f"--input={BUSIER}", f"--model={folder}")
        self.assertIn("model-000002.sonde: model-000001.sonde, moved to where 196 rows without a fault lie", said)
        before, now = (int(number) for number in re.findall(r"linear SVM +(\d+) before, (\d+) now", said)[0])
        self.assertLess(before, 0.2 * 196)
        self.assertGreater(now, 0.9 * 196)
        moved = classify(f"--model={folder}", f"--test={BUSIER}", "--algorithm=svm")
        self.assertEqual(list(moved), ["svm"])
        self.assertGreaterEqual(moved["svm"]["macro"]["f1"], 0.85)


if __name__ == "__main__":
    unittest.main(verbosity=2)
