"""The dashboards of this repository as data: panels, queries, and queries with their variables filled in."""
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::[^}]*)?\}")


@dataclass(frozen=True)
class Query:
    """One PromQL expression and where it stands."""

    title: str
    expression: str

    def with_values(self, values: dict[str, str]) -> str:
        """The expression as Grafana would send it. Raises KeyError for a variable that has no value."""
        return _VARIABLE.sub(lambda found: values[found.group(1) or found.group(2)], self.expression)


def load_all() -> dict[str, dict[str, Any]]:
    """File name → dashboard."""
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """All panels, those inside of collapsed rows too."""
    found = []
    for panel in dashboard["panels"]:
        found.append(panel)
        found.extend(panel.get("panels", []))
    return found


def queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    """Every query of the panels and of the annotations."""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield Query(panel["title"], target["expr"])
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(f"annotation {annotation['name']}", annotation["expr"])


def variable_queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, Query, str]]:
    """Variable, the selector that its values come from, the label that they are values of."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        text = variable["query"]["query"]
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", text)
        assert found, f"variable {variable['name']}: '{text}' is not label_values(selector, label)"
        yield variable["name"], Query(f"variable {variable['name']}", found.group(1)), found.group(2)


EVERYTHING = {"namespace": ".+", "service": ".+", "container": ".+", "__rate_interval": "1m"}
