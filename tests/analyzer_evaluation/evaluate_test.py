#!/usr/bin/python3
"""`sonde-analyzer evaluate classify` beside scikit-learn, on the same tables: the same rules must give the same
predictions, and the drawn ones (random forest) and the differently solved ones (SVM) must be no worse."""
import gzip
import json
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
NAMES = np.array([f"{service}-{fault}" for service in ("cart", "front, end", "pay") for fault in ("cpu", "leak")])


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, "evaluate", *arguments], capture_output=True, text=True, timeout=100, check=False)


def write(path: str, x: np.ndarray, y: np.ndarray) -> None:
    """A table in the command's format, with a time that says nothing."""
    opened = gzip.open(path, "wt") if path.endswith(".gz") else open(path, "w", encoding="ascii")
    with opened as file:
        file.write(",".join(["time", *(f"f{i}" for i in range(x.shape[1])), "label"]) + "\n")
        for i, (row, label) in enumerate(zip(x, y)):
            file.write(",".join([str(i), *(repr(float(value)) for value in row), f'"{label}"']) + "\n")


class BesideScikitLearn(unittest.TestCase):
    told: dict
    predictions: dict[str, np.ndarray]

    @classmethod
    def setUpClass(cls) -> None:
        x, y = make_classification(3000, 20, n_informative=8, n_redundant=6, n_classes=6, n_clusters_per_class=1,
                                   class_sep=1.0, weights=[.4, .2, .1, .1, .1, .1], random_state=3)
        x = x * np.geomspace(1e-3, 1e6, 20) + np.linspace(-5, 5e4, 20)  # columns of very different sizes
        train, test = slice(0, 2000), slice(2000, 3000)
        cls.truth = NAMES[y[test]]
        with tempfile.TemporaryDirectory(prefix="sonde-test-") as folder:
            a, b, p = (os.path.join(folder, name) for name in ("a.csv", "b.csv.gz", "p.csv"))
            write(a, x[train], NAMES[y[train]])
            write(b, x[test], cls.truth)
            done = run("classify", "--train", a, "--test", b, "--algorithm", "all", "--predictions", p, "--json",
                       "--confusion", os.path.join(folder, "confusion"))
            assert done.returncode == 0, done.stderr
            assert done.stderr == "", done.stderr
            cls.told = json.loads(done.stdout)
            with open(p, encoding="ascii") as file:
                header, *lines = file.read().splitlines()
            assert header == "row,knn,svm,naive_bayes,random_forest", header
            # Only "front, end" is quoted: it has the separator.
            rows = [line.replace('"', "").replace("front, end", "front; end").split(",") for line in lines]
            assert [row[0] for row in rows] == [str(i) for i in range(1000)]
            columns = [np.array(column) for column in zip(*rows)]
            cls.predictions = {name: np.char.replace(column, ";", ",")
                               for name, column in zip(header.split(",")[1:], columns[1:])}
            cls.pictures = {name: xml.etree.ElementTree.parse(os.path.join(folder, f"confusion-{name}.svg")).getroot()
                            for name in cls.predictions}
        scaler = StandardScaler().fit(x[train])
        cls.theirs = {}
        for name, model in (("knn", KNeighborsClassifier(5)), ("svm", SVC(kernel="linear", C=1)),
                            ("naive_bayes", GaussianNB()),
                            ("random_forest", RandomForestClassifier(50, max_depth=5, random_state=0))):
            cls.theirs[name] = model.fit(scaler.transform(x[train]), NAMES[y[train]]).predict(scaler.transform(x[test]))

    def test_neighbours_and_naive_bayes_tell_the_same(self) -> None:
        for name in ("knn", "naive_bayes"):
            self.assertGreaterEqual(np.mean(self.predictions[name] == self.theirs[name]), 0.999, name)

    def test_the_svm_differs_in_rows_at_the_border_only(self) -> None:
        self.assertGreaterEqual(np.mean(self.predictions["svm"] == self.theirs["svm"]), 0.98)

    def test_none_is_worse(self) -> None:
        for name, theirs in self.theirs.items():
            f1 = precision_recall_fscore_support(self.truth, theirs, average="macro")[2]
            self.assertGreaterEqual(self.told[name]["macro"]["f1"], f1 - 0.02, name)
            self.assertGreater(f1, 0.6, "the classes can be told apart, so that the test says something")

    def test_scores_are_those_of_its_predictions(self) -> None:
        for name, predicted in self.predictions.items():
            told = self.told[name]
            for average in ("macro", "weighted"):
                expected = precision_recall_fscore_support(self.truth, predicted, average=average, zero_division=0)
                for score, value in zip(("precision", "recall", "f1"), expected):
                    self.assertAlmostEqual(told[average][score], value, places=12, msg=f"{name} {average} {score}")
            self.assertEqual(told["confusion"], confusion_matrix(self.truth, predicted, labels=sorted(NAMES)).tolist())
            self.assertAlmostEqual(told["accuracy"], accuracy_score(self.truth, predicted))
            self.assertEqual(sorted(told["classes"]), sorted(NAMES))
            self.assertGreaterEqual(told["fit_seconds"], 0)

    def test_the_pictures_hold_every_count(self) -> None:
        svg = "{http://www.w3.org/2000/svg}"
        for name, picture in self.pictures.items():
            texts = [text.text for text in picture.iter(f"{svg}text")]
            counts = [str(n) for row in self.told[name]["confusion"] for n in row if n]
            self.assertEqual(sorted(text for text in texts if text.isdigit()), sorted(counts))
            self.assertLessEqual(set(NAMES), set(texts))


class CommandLine(unittest.TestCase):
    def test_help(self) -> None:
        self.assertIn("classify", run("--help").stdout)
        self.assertIn("--train", run("classify", "--help").stdout)
        self.assertEqual(run("classify", "--help").returncode, 0)

    def test_what_is_wrong_is_one_line_and_2(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-test-") as folder:
            good, bad = os.path.join(folder, "good.csv"), os.path.join(folder, "bad.csv")
            with open(good, "w", encoding="ascii") as file:
                file.write("cpu,label\n1,a\n2,b\n")
            with open(bad, "w", encoding="ascii") as file:
                file.write("mem,label\n1,a\n")
            for arguments, said in ((("nonsense",), "'nonsense' is no task"), (("classify",), "--train"),
                                    (("classify", "--train", "/nonexistent", "--test", good), "/nonexistent: No such"),
                                    (("classify", "--train", good, "--test", bad), f"{bad}: lacks the columns cpu"),
                                    (("classify", "--train", good, "--test", good, "--columns=x"), "no column matches")):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2, arguments)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertEqual(done.stdout, "")
            done = run("classify", "--train", good, "--test", good, "--predictions=/nonexistent/p")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("/nonexistent/p: cannot be written", done.stderr)

    def test_markdown_has_a_line_for_each_classifier_and_class(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sonde-test-") as folder:
            path = os.path.join(folder, "t.csv")
            with open(path, "w", encoding="ascii") as file:
                file.write("run,cpu,label\n" + "".join(f"{i // 10},{i % 2 * 5 + i / 100},{'ab'[i % 2]}|\n" for i in range(80)))
            done = run("classify", "--train", path, "--split=groups", "--group=run")
            self.assertEqual(done.returncode, 0, done.stderr)
            for line in ("| k nearest neighbours | 1.000", "| linear SVM | 1.000", "| random forest | 1.000", "| a\\| | ",
                         "60 rows learnt from, 20 tested with, 1 columns, 2 classes."):
                self.assertIn(line, done.stdout)
            self.assertEqual(run("classify", "--train", path, "--split=groups", "--group=run").stdout.count("\n"),
                             done.stdout.count("\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
