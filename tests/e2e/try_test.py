#!/usr/bin/env python3
"""What ./try starts, as a program: exit codes, cleaning up, and a verdict that does not depend on the injector's
own metrics."""
import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from demo.loop import cgroups, run


def start(*arguments: str) -> subprocess.Popen[str]:
    """The program behind ./try, without the build before it."""
    return subprocess.Popen(
        [sys.executable, "-m", "demo.loop", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def traces(pid: int) -> list[Path]:
    """What a run of that process left behind."""
    name = f"sonde-try-{pid}"
    places = [*cgroups.hierarchies(), run.STATE, run.NAMED_NAMESPACES]
    return [found for place in places for found in place.glob(f"{name}*")]


class TryTest(unittest.TestCase):
    """Needs root."""

    def test_once_names_the_right_container_while_the_injector_is_not_scraped(self) -> None:
        process = start("--once", "--seed", "7", "--quiet-seconds", "40", "--unscraped-injector")
        output, _ = process.communicate()
        self.assertEqual(process.returncode, 0, output)
        self.assertRegex(output, r"right: the fault is in \S+")
        self.assertEqual(traces(process.pid), [])

    def test_an_interrupt_removes_everything(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            process = start("--quiet-seconds", "1000")
            assert process.stdout is not None
            for line in process.stdout:
                if re.search("quiet phase", line):
                    break
            self.assertGreater(len(traces(process.pid)), 4)
            process.send_signal(number)
            output, _ = process.communicate()
            self.assertEqual(process.returncode, 130, output)
            self.assertEqual(traces(process.pid), [])

    def test_an_unknown_target_is_one_line_that_names_the_choices(self) -> None:
        process = start("--target", "mysql")
        output, _ = process.communicate()
        self.assertEqual(process.returncode, 2)
        self.assertEqual(output.count("\n"), 1)
        self.assertIn("redis", output)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: cgroups, network namespaces and BPF need root")
        sys.exit(77)
    unittest.main(verbosity=2)
