#!/usr/bin/env python3
"""./try on hosts that are not this one: cgroup v2 alone, v1 alone without BTF, without root; and its ends."""
import os
import signal
import subprocess
import sys
import unittest
from pathlib import Path

from tests.e2e import try_process

ROOT = Path(__file__).resolve().parents[2]
SHORT = "--quiet-seconds 10"
# In a mount namespace of its own, where nothing else sees it. /sys may be shared with other namespaces.
V2_ALONE = """
mount --make-rprivate /
findmnt -n -o TARGET -t cgroup,cgroup2 | xargs -n 1 umount -l
mount -t cgroup2 none /sys/fs/cgroup
"""
V1_ALONE = """
mount --make-rprivate /
findmnt -n -o TARGET -t cgroup2 | xargs -n 1 umount -l
"""
NO_BTF = "mount -t tmpfs none /sys/kernel/btf\n"


def on_another_host(preparation: str, arguments: str) -> subprocess.CompletedProcess[str]:
    """./try where the preparation has changed what is mounted."""
    script = f"set -e\n{preparation}\nexec ./try {arguments}"
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout + done.stderr, flush=True)
    return done


class TryTest(unittest.TestCase):
    """Needs root."""

    def test_on_cgroup_v2_alone_with_the_injector_unscraped(self) -> None:
        """The verdict does not depend on the injector's own metrics."""
        done = on_another_host(V2_ALONE, f"--once --seed 7 --unscraped-injector {SHORT}")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"right: the fault is in \S+")

    def test_on_cgroup_v1_alone_without_btf(self) -> None:
        done = on_another_host(V1_ALONE + NO_BTF, f"--once --target api {SHORT}")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"try: no /sys/kernel/btf/vmlinux .* still work")
        self.assertRegex(done.stdout, r"right: the fault is in \S+")

    def test_sigterm_removes_everything(self) -> None:
        process = try_process.start("./try", "--quiet-seconds", "1000")
        said = try_process.read_until(process, "quiet phase")
        self.assertRegex(said, r"diagnosis +http://127\.0\.0\.1:\d+/diagnose\n", "where to look, before the wait")
        self.assertGreater(len(try_process.traces(process.pid)), 4)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()
        self.assertEqual(process.returncode, 130, output)
        self.assertEqual(try_process.traces(process.pid), [])

    def test_an_unknown_target_is_one_line_that_names_the_choices(self) -> None:
        process = try_process.start("./try", "--target", "mysql")
        output, _ = process.communicate()
        self.assertEqual(process.returncode, 2)
        self.assertIn("redis", output.splitlines()[-1])

    def test_without_root_one_line_says_what_is_missing_and_what_still_works(self) -> None:
        script = "import os; os.setgid(65534); os.setuid(65534); os.execv('/bin/bash', ['bash', '-s'])"
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=(ROOT / "try").read_text(encoding="utf-8"),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertRegex(done.stderr, r"not root.*sudo \./try.*work")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: cgroups, network namespaces and BPF need root")
        sys.exit(77)
    unittest.main(verbosity=2)
