#!/usr/bin/env python3
"""How the loop makes cgroups, on trees of files as v1 and v2 show them."""
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from demo.loop import cgroups


class CgroupsTest(unittest.TestCase):
    """The kernel's files are stood in for by ordinary ones: no rights are needed."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def tree(self) -> cgroups.Tree:
        with mock.patch.object(cgroups, "hierarchies", return_value=[self.root]):
            return cgroups.Tree("run")

    def test_a_cpuset_is_handed_down_on_v1(self) -> None:
        (self.root / "cpuset.cpus").write_text("0-1\n", encoding="utf-8")
        (self.root / "run" / "redis").mkdir(parents=True)
        for folder in (self.root / "run", self.root / "run" / "redis"):
            (folder / "cpuset.cpus").write_text("\n", encoding="utf-8")
        self.tree().add("redis")
        self.assertEqual((self.root / "run" / "redis" / "cpuset.cpus").read_text(encoding="utf-8"), "0-1")

    def test_controllers_are_handed_down_on_v2(self) -> None:
        (self.root / "run" / "redis").mkdir(parents=True)
        for folder in (self.root, self.root / "run"):
            (folder / "cgroup.controllers").write_text("cpu\n", encoding="utf-8")
            (folder / "cgroup.subtree_control").write_text("", encoding="utf-8")
        self.tree().add("redis")
        for folder in (self.root, self.root / "run"):
            self.assertEqual((folder / "cgroup.subtree_control").read_text(encoding="utf-8"), "+cpu")

    def test_a_process_joins_every_hierarchy(self) -> None:
        roots = [self.root / "cpu", self.root / "memory"]
        with mock.patch.object(cgroups, "hierarchies", return_value=roots):
            entries = cgroups.Tree("run").entries("redis")
        self.assertEqual(entries, [root / "run" / "redis" / "cgroup.procs" for root in roots])

    def test_this_machines_hierarchies_are_found(self) -> None:
        for root in cgroups.hierarchies():
            self.assertTrue((root / "cgroup.procs").exists(), root)


if __name__ == "__main__":
    unittest.main()
