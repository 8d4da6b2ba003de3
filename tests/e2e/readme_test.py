#!/usr/bin/env python3
"""Every command in the README's shell blocks is run as it is written; a command that has no test here fails."""
import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from tests.e2e import campaign_test, try_process

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Shorter phases than a person would want, so that all of them fit into ./check.
SHORT = ["--quiet-seconds", "10", "--observe-seconds", "30"]


def commands() -> list[str]:
    """The commands of the README, without what is said of them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = "".join(BLOCK.findall(text)).splitlines()
    return [re.sub(r"\s+# .*$", "", line) for line in lines if line.strip()]


# Minutes long, so a test of its own.
CAMPAIGN = campaign_test.COMMAND
ONCE = [command for command in commands() if command.startswith("./try --once") and command != CAMPAIGN]
WHILE_IT_RUNS = [command for command in commands() if command.startswith(("curl ", "build/release/bin/"))]


class ReadmeTest(unittest.TestCase):
    """Needs root; its cases start one loop after the other."""

    def test_every_command_has_a_case_here(self) -> None:
        self.assertEqual(set(commands()) - {*ONCE, *WHILE_IT_RUNS}, {"./try", "./check", CAMPAIGN})
        self.assertGreaterEqual(len(ONCE), 4)
        self.assertGreaterEqual(len(WHILE_IT_RUNS), 3)

    def test_check_explains_itself(self) -> None:
        """./check itself is what runs this."""
        done = subprocess.run(["./check", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertIn("usage: ./check", done.stdout)

    def test_once(self) -> None:
        for command in ONCE:
            with self.subTest(command):
                done = subprocess.run(
                    [*command.split(), *SHORT], cwd=ROOT, capture_output=True, text=True, check=False
                )
                print(f"{command}\n{done.stdout}{done.stderr}", flush=True)
                self.assertEqual(done.returncode, 0)

    def test_try_answers_while_it_runs_and_removes_everything_on_interrupt(self) -> None:
        process = try_process.start("./try", *SHORT)
        try_process.read_until(process, "everything stays up until Ctrl-C")
        for command in WHILE_IT_RUNS:
            with self.subTest(command):
                done = subprocess.run(
                    command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False
                )
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertGreater(len(done.stdout), 20)
                print(f"{command}\n{done.stdout[:400]}", flush=True)
        self.assertGreater(len(try_process.traces(process.pid)), 4)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
        self.assertEqual(process.returncode, 130, output)
        self.assertEqual(try_process.traces(process.pid), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: cgroups, network namespaces and BPF need root")
        sys.exit(77)
    unittest.main(verbosity=2)
