#!/usr/bin/env python3
"""sonde-analyzer as a program: what it says at its start, a port that is taken, SIGHUP, without any Prometheus."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
DEADLINE_SECONDS = 60
CONFIGURATION = """
prometheus: {url: 'http://127.0.0.1:1/prometheus'}
analysis: {interval: 2s, step: 1s}
metric_map: {presets: [cadvisor, node]}
"""


class RunningAnalyzer:
    """On a free port, with a configuration that the test writes; ended at the end of the `with`."""

    def __init__(self, configuration: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sonde-test-")
        self.file = Path(self._folder.name) / "analyzer.yml"
        self.file.write_text(configuration, encoding="utf-8")
        self.log: list[str] = []
        self._port = 0
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [PROGRAM, f"--config.file={self.file}", "--web.listen-address=127.0.0.1:0"],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.rstrip("\n"))
                if found := re.search(r"msg=listening .*port=(\d+)", line):
                    self._port = int(found.group(1))
                self._changed.notify_all()

    def __enter__(self) -> "RunningAnalyzer":
        self.wait_for("msg=listening")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self._folder.cleanup()

    def wait_for(self, text: str) -> str:
        """The first line of the log that holds the text."""
        def lines() -> list[str]:
            return [line for line in self.log if text in line]
        with self._changed:
            assert self._changed.wait_for(lines, DEADLINE_SECONDS), self.log
        return lines()[0]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=DEADLINE_SECONDS) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        assert found, name
        return float(found.group(1))


class ProgramTest(unittest.TestCase):
    def test_one_line_says_what_is_read_and_how_often(self) -> None:
        with RunningAnalyzer(CONFIGURATION) as analyzer:
            line = analyzer.wait_for("reading from Prometheus")
            for field in (f"config={analyzer.file}", "prometheus=http://127.0.0.1:1/prometheus",
                          'presets="cadvisor, node"', "interval=2s", "step=1s", "address=127.0.0.1:0"):
                self.assertIn(field, line)
            status, why = analyzer.get("/-/ready")
            self.assertEqual(status, 503)
            self.assertIn("no report yet", why)
            self.assertEqual(analyzer.get("/-/healthy")[0], 200)

    def test_a_taken_port_ends_it_before_it_reads(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as prometheus:
            port = taken.getsockname()[1]
            with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                file.write(f"prometheus: {{url: 'http://127.0.0.1:{prometheus.getsockname()[1]}'}}\n")
                file.flush()
                done = subprocess.run(
                    [PROGRAM, f"--config.file={file.name}", f"--web.listen-address=127.0.0.1:{port}"],
                    capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False,
                )
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("another program listens there", done.stderr)
            prometheus.setblocking(False)
            with self.assertRaises(BlockingIOError, msg="nobody connected"):
                prometheus.accept()

    def test_sighup_loads_the_configuration_and_a_wrong_one_leaves_the_old_one_in_use(self) -> None:
        reloaded = "sonde_analyzer_config_last_reload_successful"
        with RunningAnalyzer(CONFIGURATION) as analyzer:
            self.assertEqual(analyzer.metric(reloaded), 1)
            analyzer.file.write_text("analysis: {intervall: 3s}\n", encoding="utf-8")
            analyzer.process.send_signal(signal.SIGHUP)
            line = analyzer.wait_for("the new configuration is wrong; the old one stays in use")
            self.assertIn("analyzer.yml:1: analysis.intervall: unknown key", line)
            self.assertEqual(analyzer.metric(reloaded), 0)
            analyzer.file.write_text(CONFIGURATION, encoding="utf-8")
            before = time.time()
            analyzer.process.send_signal(signal.SIGHUP)
            analyzer.wait_for("configuration reloaded")
            self.assertEqual(analyzer.metric(reloaded), 1)
            self.assertGreaterEqual(analyzer.metric("sonde_analyzer_config_last_reload_success_timestamp_seconds"),
                                    before - 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
