#!/usr/bin/env python3
"""What Grafana would stumble over or show wrongly, found without a Grafana: ids, layout, units, texts, references."""
import json
import re
import unittest
from typing import Any

from tests.dashboards import dashboards

TYPES = {"row", "timeseries", "stat", "table", "heatmap"}
# Grafana's unit ids that these dashboards use; one that is misspelt would silently show bare numbers.
UNITS = {"none", "percentunit", "s", "bytes", "Bps", "ops", "eps", "pps", "iops"}
COLUMNS = 24


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    """The grid cells that a panel covers."""
    place = panel["gridPos"]
    return {
        (place["x"] + column, place["y"] + line) for column in range(place["w"]) for line in range(place["h"])
    }


class DashboardTest(unittest.TestCase):
    """Each case goes through all dashboards."""

    def each_panel(self) -> list[tuple[str, dict[str, Any]]]:
        """(dashboard, panel) of those that show data."""
        return [
            (name, panel)
            for name, dashboard in dashboards.load_all().items()
            for panel in dashboards.panels(dashboard)
            if panel["type"] != "row"
        ]

    def test_there_are_dashboards_with_fixed_uids(self) -> None:
        loaded = dashboards.load_all()
        self.assertTrue(loaded)
        uids = [dashboard["uid"] for dashboard in loaded.values()]
        self.assertEqual(len(set(uids)), len(uids))
        for name, dashboard in loaded.items():
            with self.subTest(name):
                self.assertRegex(dashboard["uid"], r"^[a-z0-9-]{1,40}$")
                self.assertEqual(f"{dashboard['uid']}.json", name)
                self.assertNotIn("id", dashboard, "the database's id must not be shipped")
                self.assertGreaterEqual(dashboard["schemaVersion"], 36)

    def test_panel_ids_and_titles_are_unique(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            ids = [panel["id"] for panel in dashboards.panels(dashboard)]
            titles = [panel["title"] for panel in dashboards.panels(dashboard)]
            self.assertEqual(len(set(ids)), len(ids), name)
            self.assertEqual(len(set(titles)), len(titles), name)

    def test_panels_do_not_overlap_and_stay_in_the_grid(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            taken: dict[tuple[int, int], str] = {}
            for panel in dashboard["panels"]:
                for cell in cells(panel):
                    self.assertNotIn(cell, taken, f"{name}: '{panel['title']}' lies on '{taken.get(cell)}'")
                    self.assertTrue(0 <= cell[0] < COLUMNS, f"{name}: '{panel['title']}' leaves the grid")
                    taken[cell] = panel["title"]

    def test_panels_say_what_they_show(self) -> None:
        for name, panel in self.each_panel():
            with self.subTest(f"{name}: {panel['title']}"):
                self.assertIn(panel["type"], TYPES)
                self.assertGreater(len(panel["description"]), 30)
                self.assertTrue(panel["description"].endswith("."))
                defaults = panel["fieldConfig"]["defaults"]
                self.assertIn(defaults["unit"], UNITS)
                steps = defaults["thresholds"]["steps"]
                self.assertIsNone(steps[0]["value"], "the first step has no bound")
                bounds = [step["value"] for step in steps[1:]]
                self.assertEqual(bounds, sorted(bounds))

    def test_targets_use_the_data_source_variable(self) -> None:
        for name, panel in self.each_panel():
            with self.subTest(f"{name}: {panel['title']}"):
                self.assertTrue(panel["targets"])
                references = [target["refId"] for target in panel["targets"]]
                self.assertEqual(len(set(references)), len(references))
                for part in [panel, *panel["targets"]]:
                    self.assertEqual(part["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                for target in panel["targets"]:
                    self.assertNotEqual(target["range"], target["instant"])
                    if panel["type"] == "timeseries":
                        self.assertTrue(target["legendFormat"])

    def test_legends_use_labels_that_the_query_keeps(self) -> None:
        for name, panel in self.each_panel():
            for target in panel["targets"]:
                kept = re.search(r"by \(([^)]*)\)", target["expr"])
                for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                    with self.subTest(f"{name}: {panel['title']}: {label}"):
                        assert kept is not None
                        self.assertIn(label, kept.group(1).split(", "))

    def test_every_variable_is_defined_and_used(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            defined = {variable["name"] for variable in dashboard["templating"]["list"]}
            text = json.dumps({key: value for key, value in dashboard.items() if key != "templating"})
            text += json.dumps([variable.get("query") for variable in dashboard["templating"]["list"]])
            used = {first or second for first, second in re.findall(r"\$(\w+)|\$\{(\w+)", text)}
            grafana = {used_name for used_name in used if used_name.startswith("__")}
            self.assertLessEqual(grafana, {"__rate_interval", "__data", "__to", "__all"}, name)
            self.assertEqual(used - grafana, defined, name)
            self.assertLessEqual({"datasource", "namespace", "service", "container"}, defined, name)

    def test_queries_hide_no_missing_data(self) -> None:
        for dashboard in dashboards.load_all().values():
            for query in dashboards.queries(dashboard):
                self.assertNotRegex(query.expression, r"vector\s*\(|absent\s*\(", query.title)

    def test_files_are_formatted_alike(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            text = json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
            self.assertEqual((dashboards.FOLDER / name).read_text(encoding="utf-8"), text, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
