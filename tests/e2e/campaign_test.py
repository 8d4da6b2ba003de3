#!/usr/bin/env python3
"""./try --campaign: faults, labels in Prometheus, a table, trained classifiers; nothing is left behind."""
import gzip
import re
import tempfile
import unittest
from pathlib import Path

from tests.e2e import try_process

COMMAND = "./try --once --campaign tiny"  # as the README has it


class CampaignTest(unittest.TestCase):
    """Needs root."""

    def test_a_tiny_campaign_ends_with_trained_classifiers(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-campaign-") as folder:
            output = Path(folder) / "output"
            process = try_process.start(*COMMAND.split(), "--seed=5", f"--output={output}")
            text, _ = process.communicate()
            print(text, flush=True)
            self.assertEqual(process.returncode, 0)
            self.assertEqual(try_process.traces(process.pid), [])
            self.check_table(output / "campaign.csv.gz")
            for classifier in ("knn", "svm", "naive_bayes", "random_forest"):
                self.assertIn("<svg", (output / f"confusion-{classifier}.svg").read_text(encoding="utf-8"))
            report = (output / "report.md").read_text(encoding="utf-8")
            scores = {name: float(f1) for name, f1 in re.findall(r"^\| ([a-zA-Z ]+) \|.*\*\*([01]\.\d+)\*\*", report, re.M)}
            self.assertEqual(len(scores), 4, report)
            self.assertGreater(max(scores.values()), 0.6, "one injection learnt from, five classes: guessing gives 0.2")
            self.assertRegex(text, r"model-000001\.sonde: \d+ rows, \d+ features")

    def check_table(self, path: Path) -> None:
        """Time first, label last, the labels that the campaign made, numbers between."""
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            header, *rows = [line.rstrip("\n").split(",") for line in lines]
        self.assertEqual((header[0], header[-1]), ("time", "label"))
        injection = header.index("injection")
        self.assertTrue(any(re.fullmatch(r"api_cpu_usage", name) for name in header), header)
        labels = {row[-1] for row in rows}
        self.assertLessEqual({"normal", "api/cpu", "redis/cpu", "api/memory", "redis/memory"}, labels)
        of_a_fault = {row[injection] for row in rows if row[-1] == "api/cpu"}
        self.assertEqual(len(of_a_fault), 2, "two injections, each a group of its own")
        for row in rows:
            self.assertEqual(len(row), len(header))
            for cell in row[:-1]:
                float(cell)


if __name__ == "__main__":
    unittest.main(verbosity=2)
