#!/usr/bin/env python3
"""`sonde-analyzer dataset` and `train` against Debian's Prometheus, whose data promtool made of OpenMetrics text: rows
are labelled as the injector's series say, and the running analyzer tells with the model what goes on now."""
import csv
import gzip
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from tests.support.running_program import RunningProgram  # PYTHONPATH: the repository

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
STEP = 15
SERVICES = ("cart", "pay")
# What goes on, by turns: (service, fault), or None, and for how many steps.
TURNS = [(None, 20), (("cart", "cpu"), 20), (None, 20), (("pay", "memory"), 20)]
CYCLE = sum(steps for _, steps in TURNS)


def state(step: int) -> tuple[str, str] | None:
    """What is in place at a step."""
    place = step % CYCLE
    for fault, steps in TURNS:
        if place < steps:
            return fault
        place -= steps
    raise AssertionError


def openmetrics(start: int, steps: int) -> str:
    """The shop's series and the injector's."""
    random.seed(5)
    counters: dict[tuple[str, str], float] = {}
    series: dict[str, list[str]] = {}

    def sample(family: str, name: str, labels: str, value: float, at: float) -> None:
        series.setdefault(family, []).append(f"{name}{{{labels}}} {value!r} {at:.3f}")

    for step in range(steps):
        at = start + step * STEP
        fault = state(step)
        for service in SERVICES:
            for replica in range(2):
                labels = f'namespace="shop",pod="{service}-{replica}",container="{service}",service="{service}"'
                rates = {"sonde_container_cpu_usage_seconds": .05 + .9 * (fault == (service, "cpu") and replica == 0),
                         "sonde_container_page_faults": 100 + 9000 * (fault == (service, "memory") and replica == 0),
                         "sonde_container_syscalls": 500}
                for family, rate in rates.items():
                    key = (family, labels)
                    counters[key] = counters.get(key, 0) + STEP * rate * random.uniform(.8, 1.2)
                    sample(family, family + "_total", labels, counters[key], at + replica)
        for service, name in (("cart", "cpu"), ("pay", "memory")):
            labels = f'namespace="shop",pod="{service}-0",container="{service}",service="{service}",fault="{name}"'
            placed = fault == (service, name)
            proven = placed and state(step - 5) == fault
            sample("sonde_fault_in_place", "sonde_fault_in_place", labels, int(placed), at + 3)
            sample("sonde_fault_active", "sonde_fault_active", labels, int(proven), at + 3)
    text = ""
    for family, lines in series.items():
        kind = "gauge" if family.startswith("sonde_fault") else "counter"
        by_labels = sorted(lines, key=lambda line: (line.split("}")[0], float(line.rsplit(" ", 1)[1])))
        text += f"# TYPE {family} {kind}\n" + "\n".join(by_labels) + "\n"
    return text + "# EOF\n"


def analyzer(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=100, check=False)


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="sonde-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        # A few cycles up to a fault of cart that lasts for the next minutes.
        cls.steps = 5 * CYCLE + 40
        cls.start = int(time.time()) - (cls.steps - 10) * STEP
        text, data = os.path.join(cls.folder, "series.om"), os.path.join(cls.folder, "data")
        with open(text, "w", encoding="ascii") as file:
            file.write(openmetrics(cls.start, cls.steps))
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", text, data], check=True,
                       capture_output=True, timeout=60)
        config = os.path.join(cls.folder, "prometheus.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write("global: {}\n")
        cls.prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", "--web.listen-address=127.0.0.1:0",
             "--storage.tsdb.retention.time=10y"], stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop_prometheus)
        assert cls.prometheus.stderr is not None
        port = 0
        for line in cls.prometheus.stderr:
            if "Listening on" in line and "address=" in line:
                port = int(line.rsplit(":", 1)[1].strip().strip('"'))
            if "ready to receive" in line:
                break
        assert port, "Prometheus did not say where it listens"
        cls.url = f"http://127.0.0.1:{port}"
        cls.window = ["--url", cls.url, "--from", str(cls.start + 60), "--to", str(cls.start + 5 * CYCLE * STEP)]

    @classmethod
    def stop_prometheus(cls) -> None:
        cls.prometheus.terminate()
        cls.prometheus.communicate(timeout=60)

    def test_1_dataset_labels_rows_and_counts_the_rest(self) -> None:
        table = os.path.join(self.folder, "rows.csv.gz")
        done = analyzer("dataset", *self.window, "--output", table, "--injection-column")
        self.assertEqual(done.returncode, 0, done.stderr)
        with gzip.open(table, "rt") as file:
            rows = list(csv.DictReader(file))
        names = list(rows[0])
        self.assertEqual((names[0], names[-2], names[-1]), ("time", "injection", "label"))
        self.assertEqual(names[1:-2], sorted(f"{service}_{quantity}" for service in SERVICES
                                             for quantity in ("cpu_usage", "page_faults", "syscalls")))
        self.assertEqual({row["label"] for row in rows}, {"normal", "cart/cpu", "pay/memory"})
        injections: dict[str, set[str]] = {}
        for row in rows:
            step = round((float(row["time"]) - self.start) / STEP)
            fault = state(step)
            self.assertEqual(row["label"], "/".join(fault) if fault else "normal", step)
            # Nothing but clear examples: the same went on when the row's rates began, and it was proven.
            self.assertEqual({state(step - back) for back in range(3)}, {fault}, step)
            hog = fault == ("cart", "cpu")
            self.assertAlmostEqual(float(row["cart_cpu_usage"]), 1.0 if hog else .1, delta=.25 if hog else .03)
            injections.setdefault(row["injection"], set()).add(row["label"])
        self.assertEqual({len(labels) for labels in injections.values()}, {1})
        self.assertEqual(len(injections), 20)
        counted = {line.strip().split("  ")[1]: int(line.split()[0]) for line in done.stderr.splitlines()[1:]
                   if line.startswith("  ")}
        self.assertAlmostEqual(sum(counted.values()), 5 * CYCLE - 60 / STEP, delta=2, msg=done.stderr)
        self.assertGreaterEqual(counted["effect not proven"], 10)
        self.assertEqual(counted["missing feature"], 0)

    def test_2_evaluate_keeps_injections_apart(self) -> None:
        done = analyzer("evaluate", "classify", "--train", os.path.join(self.folder, "rows.csv.gz"), "--split", "groups",
                        "--group", "injection", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertGreater(json.loads(done.stdout)["random_forest"]["accuracy"], .95)
        done = analyzer("evaluate", "classify", "--train", os.path.join(self.folder, "rows.csv.gz"), "--split", "groups",
                        "--group", "injection", "--published")
        self.assertEqual(done.returncode, 0, done.stderr)
        tables = done.stdout.split("Their Table ")
        self.assertEqual(len(tables), 3)
        self.assertIn("| A (757 records) | F1 | 0.93 | 0.93 | 0.93 | 0.92 |", tables[1])
        self.assertRegex(tables[1], r"\| \*\*here \(\d+ rows\)\*\* \| F1 \| \*\*\d")
        self.assertIn("| Homestead | recall | 0.90 | 0.36 | 0.48 | 0.72 |", tables[2])
        self.assertRegex(tables[2], r"\| \*\*cart\*\* \| F1 \|")
        self.assertRegex(tables[2], r"\| \*\*pay\*\* \| F1 \|")

    def test_3_train_of_a_file_and_of_the_server(self) -> None:
        models = os.path.join(self.folder, "models")
        done = analyzer("train", "--input", os.path.join(self.folder, "rows.csv.gz"), "--model", models)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("(whole injections)", done.stdout)
        for title in ("k nearest neighbours", "linear SVM", "Gaussian naive Bayes", "random forest"):
            self.assertRegex(done.stdout, title + r" +accuracy (0\.9|1\.0)")
        self.assertIn("model-000001.sonde", done.stdout)
        done = analyzer("train", *self.window, "--model", models)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("model-000002.sonde", done.stdout)
        self.assertEqual(sorted(os.listdir(models)), ["model-000001.sonde", "model-000002.sonde"])
        with open(os.path.join(models, "model-000001.sonde"), "rb") as a, \
                open(os.path.join(models, "model-000002.sonde"), "rb") as b:
            # The same rows, seed and parameters give the same model but for when it was made and its checksum.
            self.assertEqual(a.read()[32:-32], b.read()[32:-32])

    def test_3_calibrate_saves_the_next_generation(self) -> None:
        models, rows = os.path.join(self.folder, "moved"), os.path.join(self.folder, "rows.csv.gz")
        self.assertEqual(analyzer("train", "--input", rows, "--model", models).returncode, 0)
        done = analyzer("calibrate", "--input", rows, "--model", models)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"model-000002\.sonde: model-000001\.sonde, moved to where \d+ rows")
        done = analyzer("calibrate", *self.window, "--model", models)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("model-000003.sonde", done.stdout)

    def test_4_the_running_analyzer_tells_what_goes_on(self) -> None:
        models, config = os.path.join(self.folder, "models"), os.path.join(self.folder, "analyzer.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f"prometheus: {{url: '{self.url}'}}\nclassifier: {{model: {models}}}\n")
        with RunningProgram([PROGRAM, f"--config.file={config}", "--web.listen-address=127.0.0.1:0"]) as program:
            deadline = time.monotonic() + 60
            while program.get("/-/ready")[0] != 200 and time.monotonic() < deadline:
                time.sleep(.1)
            now = time.time()
            fault = state(round((now - self.start) / STEP) - 2)
            self.assertEqual(fault, state(round((now - self.start) / STEP)), "the test's data has no edge here")
            status, body = program.get("/diagnose")
            self.assertEqual(status, 200, body)
            told = json.loads(body)["class"]
            self.assertEqual((told["service"], told["fault"]), fault or ("", "normal"), told)
            self.assertGreaterEqual(told["probability"], .6)
            self.assertIn("model-000002.sonde", told["model"])
            status, body = program.get("/diagnose", {"Accept": "text/html"})
            self.assertIn("<h2>Class</h2>", body)
            # The past too, by time.
            middle = self.start + (CYCLE + 70) * STEP
            told = json.loads(program.get(f"/diagnose?time={middle}&window=600")[1])["class"]
            self.assertEqual((told["service"], told["fault"]), ("pay", "memory"))
            # Its newest model is damaged: at SIGHUP it goes on with the one before.
            with open(os.path.join(models, "model-000002.sonde"), "r+b") as file:
                file.seek(1000)
                file.write(b"damaged")
            program.process.send_signal(signal.SIGHUP)
            program.wait_for("a model is refused, the one before it is used.*model-000002.sonde.*checksum")
            while "model-000001.sonde" not in program.get("/diagnose")[1] and time.monotonic() < deadline:
                time.sleep(.1)
            self.assertIn("model-000001.sonde", json.loads(program.get("/diagnose")[1])["class"]["model"])
            page = program.get("/metrics")[1]
            self.assertRegex(page, r'sonde_service_fault_probability\{namespace="shop",service="cart",fault="cpu"\} ')
            self.assertIn('sonde_classifier_abstentions_total{reason="missing_feature"} 0', page)

    def test_5_wrong_use_is_one_line_with_a_remedy(self) -> None:
        for arguments, words in (
                (["dataset", "--url", self.url], "--from: is missing"),
                (["dataset", "--url", self.url, "--from", "yesterday"], "--from: 'yesterday' is not a time"),
                (["dataset", "--url", self.url, "--from", "-1h", "--to", "-2h"], "--to: '-2h' lies before"),
                (["dataset", "--url", "ftp://x", "--from", "-1h"], "--url: url=ftp://x"),
                (["dataset", "--config.file", "/none.yml", "--from", "-1h"], "--config.file=/none.yml"),
                (["train", "--model", "/tmp/x"], "what to learn from is missing"),
                (["train", "--model", "/tmp/x", "--input", "/none.csv"], "/none.csv"),
                (["calibrate", "--model", "/tmp/x", "--input", "/none.csv"], "/tmp/x"),
                (["calibrate", "--input", "/none.csv"], "--model"),
                (["train", "--input", "/none.csv"], "--model")):
            done = analyzer(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
