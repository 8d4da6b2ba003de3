#!/usr/bin/env python3
"""A test of a real machine that fails has one second run, whose outcome counts, and that is told."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).parent


class SecondRun(unittest.TestCase):
    def setUp(self) -> None:
        self.root = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-second-run-")))
        support = self.root / "tests" / "support"
        support.mkdir(parents=True)
        for name in ("second_run", "hold_summary"):
            shutil.copy(HERE / name, support / name)
        (self.root / "tests" / "allowed_skips").touch()
        self.support = support

    def run_test(self, *codes: int) -> subprocess.CompletedProcess[str]:
        """A test that ends with each of these codes in turn."""
        todo = self.root / "codes"
        todo.write_text("".join(f"{code}\n" for code in codes), encoding="ascii")
        script = f"code=$(head -n 1 {todo}); sed -i 1d {todo}; echo this run ends with $code; exit $code"
        return subprocess.run([self.support / "second_run", "sh", "-c", script], capture_output=True, text=True, check=False)

    def summary(self) -> str:
        done = subprocess.run([sys.executable, self.support / "hold_summary", self.root / "none.xml"], capture_output=True, text=True,
                              input="some test\n100% tests passed, 0 tests failed out of 1\n", check=False)
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def test_what_passes_runs_once(self) -> None:
        done = self.run_test(0, 1)
        self.assertEqual((done.returncode, done.stdout), (0, "this run ends with 0\n"))
        self.assertNotIn("second run", self.summary())

    def test_the_second_outcome_counts_and_the_first_is_told(self) -> None:
        for codes in ((3, 0), (3, 4)):
            done = self.run_test(*codes, 5)
            self.assertEqual(done.returncode, codes[1])
            self.assertEqual(done.stdout, f"this run ends with 3\nfailed (exit 3); once more:\nthis run ends with {codes[1]}\n")
        told = [line for line in self.summary().splitlines() if line.startswith("had a second run: sh -c ")]
        self.assertEqual(len(told), 2)
        kept = self.root / told[0].rsplit(" ", 1)[1]
        self.assertIn("this run ends with 3", kept.read_text(encoding="utf-8"))
        self.assertTrue(self.summary().endswith("100% tests passed, 0 tests failed out of 1\n"))

    def test_a_skip_is_no_failure(self) -> None:
        self.assertEqual(self.run_test(77, 0).returncode, 77)
        self.assertFalse(os.path.exists(self.root / "build"))


if __name__ == "__main__":
    unittest.main()
