#!/usr/bin/env python3
"""How often and how fast the loop names the right container: N times `./try --once`, targets drawn at random.

usage: tests/bench/detection.py [--runs 20] [--first-seed 1] [--fault cpu|none|load] [-- more arguments of ./try]
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Prints a line a run and the figures at the end."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--fault", default="cpu", choices=["cpu", "none", "load"])
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    passed, right, quiet, verdicts = 0, 0, 0, 0
    delays: list[float] = []
    for seed in range(options.first_seed, options.first_seed + options.runs):
        command = [sys.executable, "-m", "demo.loop", "--once", f"--seed={seed}", f"--fault={options.fault}"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        load = os.getloadavg()[0]
        done = subprocess.run(
            [*command, *options.more], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        verdict = (done.stdout.splitlines()[-2:-1] or [""])[0] if not done.stderr else done.stderr
        passed += done.returncode == 0
        right += re.search(r"\] right:", done.stdout) is not None
        # Only a run that came to a verdict tells whether its quiet phase was quiet.
        verdict_reached = re.search(r"\] (right:|wrong:|no |named:|\d+ alerts)", done.stdout) is not None
        verdicts += verdict_reached
        quiet += verdict_reached and re.search(r"(quiet phase|no fault): alert", done.stdout) is None
        delays += [float(text) for text in re.findall(r"(\d+\.\d) s from the injection", done.stdout)]
        print(f"seed {seed:3} exit {done.returncode} load {load:4.1f}  {verdict.strip()}", flush=True)
        for line in re.findall(r".*: alert .*", done.stdout):
            print(f"          {line}", flush=True)
    runs = options.runs
    print(f"came to a verdict: {verdicts} of {runs}")
    print(
        f"passed {passed} of {runs}; right container {right} of {runs}; no alert before it {quiet} of {runs}"
    )
    if delays:
        print(
            f"injection to Alertmanager: median {statistics.median(delays):.1f} s, "
            f"{min(delays):.1f} to {max(delays):.1f} s"
        )
    return 0 if passed == runs else 1


if __name__ == "__main__":
    sys.exit(main())
