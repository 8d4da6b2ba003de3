#!/usr/bin/env python3
"""Every query of every dashboard is PromQL to Prometheus's own parser, about metrics that this project has."""
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.dashboards import dashboards
from tests.support import metric_names


def all_queries() -> list[dashboards.Query]:
    """Of all dashboards: panels, annotations, variables."""
    found = []
    for dashboard in dashboards.load_all().values():
        found += dashboards.queries(dashboard)
        found += [query for _, query, _ in dashboards.variable_queries(dashboard)]
    return found


def rejected(expressions: list[str]) -> str:
    """What promtool says against the expressions; "" where it takes them all."""
    rules = [{"record": f"sonde:q{number}", "expr": text} for number, text in enumerate(expressions)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yml"
        path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
        done = subprocess.run(
            ["promtool", "check", "rules", "--lint=none", str(path)], capture_output=True, text=True, check=False
        )
    return "" if done.returncode == 0 else done.stdout + done.stderr


class QueryTest(unittest.TestCase):
    """Texts only; tests/dashboards/dashboard_test.py runs them against data."""

    def test_every_query_parses(self) -> None:
        expressions = [query.with_values(dashboards.EVERYTHING) for query in all_queries()]
        self.assertGreater(len(expressions), 30)
        self.assertEqual(rejected(expressions), "")

    def test_the_parser_would_notice(self) -> None:
        self.assertIn("parse error", rejected(["sum by (a) (rate(x[1m])"]))

    def test_every_metric_exists(self) -> None:
        for query in all_queries():
            self.assertEqual(metric_names.unknown_in(query.expression), set(), query.title)

    def test_an_unknown_metric_would_be_noticed(self) -> None:
        self.assertEqual(metric_names.unknown_in('rate(sonde_no_such_total{a="up"}[1m]) * up'), {"sonde_no_such_total"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
