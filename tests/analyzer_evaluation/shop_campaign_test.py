#!/usr/bin/env python3
"""The classifiers on a campaign that was run on the demo shop (data/README.md): whole injections are left out and told."""
import json
import os
import statistics
import subprocess
import unittest
from pathlib import Path

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
TABLE = Path(__file__).parent / "data" / "shop-60.csv.gz"
CLASSES = {"normal", "heavy workload"} | {
    f"{service}/{fault}" for service in ("api", "postgres", "redis") for fault in ("cpu", "latency", "loss", "memory")
}


def evaluate(seed: int, *more: str) -> dict:
    """A third of each class's injections is left out."""
    done = subprocess.run(
        [PROGRAM, "evaluate", "classify", f"--train={TABLE}", "--split=groups", "--group=injection", "--test-share=0.34",
         f"--seed={seed}", "--json", *more], capture_output=True, text=True, timeout=100, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


if __name__ == "__main__":
    unittest.main(verbosity=2)
