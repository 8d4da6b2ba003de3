#!/usr/bin/env python3
"""sonde-analyzer as a program: what it says at its start, a port that is taken, SIGHUP, without any Prometheus."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from running_program import DEADLINE_SECONDS, RunningProgram  # noqa: E402

PROGRAM = os.path.join(os.environ.get("SONDE_BUILD", "build/release"), "bin", "sonde-analyzer")
CONFIGURATION = """
prometheus: {url: 'http://127.0.0.1:1/prometheus'}
analysis: {interval: 2s, step: 1s}
metric_map: {presets: [cadvisor, node]}
"""


class RunningAnalyzer(RunningProgram):
    """On a free port, with a configuration that the test writes; ended at the end of the `with`."""

    def __init__(self, configuration: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sonde-test-")
        self.file = Path(self._folder.name) / "analyzer.yml"
        self.file.write_text(configuration, encoding="utf-8")
        super().__init__([PROGRAM, f"--config.file={self.file}", "--web.listen-address=127.0.0.1:0"])

    def end(self) -> int:
        code = super().end()
        self._folder.cleanup()
        return code

    def line(self, text: str) -> str:
        """The first line of the log that holds the text."""
        return self.wait_for(re.escape(text)).string

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.get("/metrics")[1], re.MULTILINE)
        assert found, name
        return float(found.group(1))


class ProgramTest(unittest.TestCase):
    def test_one_line_says_what_is_read_and_how_often(self) -> None:
        with RunningAnalyzer(CONFIGURATION) as analyzer:
            line = analyzer.line("reading from Prometheus")
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
            line = analyzer.line("the new configuration is wrong; the old one stays in use")
            self.assertIn("analyzer.yml:1: analysis.intervall: unknown key", line)
            self.assertEqual(analyzer.metric(reloaded), 0)
            analyzer.file.write_text(CONFIGURATION, encoding="utf-8")
            before = time.time()
            analyzer.process.send_signal(signal.SIGHUP)
            analyzer.line("configuration reloaded")
            self.assertEqual(analyzer.metric(reloaded), 1)
            self.assertGreaterEqual(analyzer.metric("sonde_analyzer_config_last_reload_success_timestamp_seconds"),
                                    before - 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
