#!/usr/bin/env python3
"""Every alert has what people need (severity, summary, description, runbook) and test cases for firing and for not."""
import re
import sys
from pathlib import Path

from tests.support import metric_names

ROOT = Path(__file__).resolve().parents[2]
SEVERITIES = {"info", "warning", "critical"}


def blocks(text: str, key: str) -> dict[str, str]:
    """Name → the lines of each `- KEY: NAME` item."""
    parts = re.split(rf"^\s*- {key}: (\S+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def faults_of_alert(name: str, body: str, tests: str) -> list[str]:
    """What is missing of one alert."""
    faults = []
    severity = re.search(r"^\s+severity: (\S+)$", body, re.MULTILINE)
    if not severity or severity.group(1) not in SEVERITIES:
        faults.append("no severity of " + ", ".join(sorted(SEVERITIES)))
    for field in ("expr", "for", "summary", "description"):
        if not re.search(rf"^\s+{field}:", body, re.MULTILINE):
            faults.append(f"no {field}")
    runbook = re.search(r"^\s+runbook_url: (\S+)$", body, re.MULTILINE)
    if not runbook or not runbook.group(1).endswith(f"/docs/runbooks/{name}.md"):
        faults.append("runbook_url does not end in its own page")
    if not (ROOT / "docs" / "runbooks" / f"{name}.md").is_file():
        faults.append(f"docs/runbooks/{name}.md is missing")
    if re.search(r"\bservice\b(?!=\"\")", body.split("annotations:")[0]) and "diagnose_url" not in body:
        faults.append("is about a service and has no diagnose_url")
    cases = re.findall(rf"alertname: {name}\b[^\n]*?(?:exp_alerts: \[\]|\n\s+exp_alerts:([^\n]*))", tests)
    silent = len(re.findall(rf"alertname: {name}\b,? *(?:\n\s+)?exp_alerts: \[\]", tests))
    if len(cases) - silent < 1:
        faults.append("no test case in which it fires")
    if silent < 2:
        faults.append("fewer than two test cases in which it is silent (before, and resolved)")
    return faults


def expressions(text: str) -> list[tuple[str, str]]:
    """(indentation, text) of every `expr:` of a rules file, with its continuation lines."""
    return re.findall(r"^( +)expr:(.*(?:\n\1 +\S.*)*)", text, re.MULTILINE)


def unknown_metrics() -> list[str]:
    """A line for each metric that a rule reads and no program has."""
    faults = []
    for path in sorted((ROOT / "rules").glob("*.rules.yml")):
        found = expressions(path.read_text(encoding="utf-8"))
        if not found:
            faults.append(f"{path.name}: no expression found")
        for _, expression in found:
            faults += [f"{path.name}: no program has {name}" for name in sorted(metric_names.unknown_in(expression))]
    return faults


def first_column(page: str) -> set[str]:
    """The words in backticks that begin the rows of a runbook's table."""
    text = (ROOT / "docs" / "runbooks" / page).read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def lost_event_reasons() -> set[str]:
    """The values of sonde_exporter_bpf_lost_events_total's label `reason`, from the collector's source."""
    source = (ROOT / "exporter" / "collectors" / "bpf_self.cpp").read_text(encoding="utf-8")
    table = re.search(r"kReasons\{([^}]*)\}", source)
    assert table, "bpf_self.cpp has no table kReasons"
    return set(re.findall(r'"(\w+)"', table.group(1))) | set(re.findall(r'\{"reason", "(\w+)"\}', source))


def capability_reasons() -> set[str]:
    """The values of sonde_exporter_capability's label `reason` that raise SondeCoverageLost."""
    source = (ROOT / "exporter" / "capability.cpp").read_text(encoding="utf-8")
    return set(re.findall(r'return "(\w+)";', source)) - {"available", "disabled"}


def incomplete_reasons() -> set[str]:
    """The values of the label `reason` that the recording rules of SondeFlowsIncomplete give."""
    rules = (ROOT / "rules" / "recording.rules.yml").read_text(encoding="utf-8")
    return set(re.findall(r"labels: \{reason: (\w+)\}", rules))


def reason_faults(rules: str) -> list[str]:
    """A line where a runbook's table of reasons is not the programs' list, or a rule names a reason that none has."""
    faults = []
    lost = lost_event_reasons()
    for page, reasons in (
        ("SondeLostEvents.md", lost),
        ("SondeCoverageLost.md", capability_reasons()),
        ("SondeFlowsIncomplete.md", incomplete_reasons()),
    ):
        written = first_column(page)
        faults += [f"{page}: does not explain reason {reason}" for reason in sorted(reasons - written)]
        faults += [f"{page}: no program gives reason {reason}" for reason in sorted(written - reasons)]
        if not reasons:
            faults.append(f"{page}: no reasons found in the source")
    for matcher in re.findall(r'bpf_lost_events_total\{[^}]*reason(?:=|!=|=~|!~)"([^"]+)"', rules):
        faults += [f"a rule names the reason {reason}" for reason in matcher.split("|") if reason not in lost]
    return faults


def main() -> int:
    """Exit code 1 with a line for each fault."""
    alerts = blocks((ROOT / "rules" / "alerts.rules.yml").read_text(encoding="utf-8"), "alert")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "rules").glob("*.test.yml"))
    faults = [f"{name}: {fault}" for name, body in alerts.items() for fault in faults_of_alert(name, body, tests)]
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        if page.stem not in alerts and page.stem != "README":
            faults.append(f"{page.name}: there is no such alert")
    recorded = blocks((ROOT / "rules" / "recording.rules.yml").read_text(encoding="utf-8"), "record")
    faults += [f"{name}: no test case" for name in recorded if name not in tests]
    faults += unknown_metrics()
    faults += reason_faults("".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.rules.yml")))
    print("\n".join(faults) or f"{len(alerts)} alerts and {len(recorded)} recording rules are complete")
    return 1 if faults or not alerts or not recorded else 0


if __name__ == "__main__":
    sys.exit(main())
