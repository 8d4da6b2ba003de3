#!/usr/bin/env python3
"""A real Alertmanager with rules/alertmanager.yml holds back what has a cause that is told, and nothing else."""
import json
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from running_program import DEADLINE_SECONDS, RunningProgram  # noqa: E402

LAST = "last"

Labels = dict[str, str]


def alert(name: str, **labels: str) -> Labels:
    return {"alertname": name, **labels}


class RunningAlertmanager(RunningProgram):
    """On a free port, with a storage of its own; ended at the end of the `with`."""

    def __init__(self) -> None:
        self._storage = tempfile.TemporaryDirectory(prefix="sonde-test-")
        self._url = ""
        super().__init__([
            "prometheus-alertmanager",
            f"--config.file={ROOT / 'rules' / 'alertmanager.yml'}",
            f"--storage.path={self._storage.name}",
            "--web.listen-address=127.0.0.1:0",
            "--cluster.listen-address=",
            "--log.level=debug",
        ])

    def started(self) -> None:
        self._url = f"http://{self.wait_for(r'[aA]ddress=(127[.]0[.]0[.]1:[1-9][0-9]*)').group(1)}/api/v2/alerts"

    def end(self) -> int:
        code = super().end()
        self._storage.cleanup()
        return code

    def raise_alerts(self, alerts: list[Labels]) -> None:
        body = json.dumps([{"labels": labels} for labels in alerts]).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(self._url, body, headers), timeout=DEADLINE_SECONDS).close()

    def _alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(self._url, timeout=DEADLINE_SECONDS) as reply:
            return json.load(reply)

    def held_back(self) -> list[Labels]:
        """The labels of the alerts so far that others inhibit."""
        # Alerts are taken in order: when the last one is held back, every one before it has had its effect.
        self.raise_alerts([alert("SondeAnalyzerDown", instance=LAST), alert("SondeAnalyzerStale", instance=LAST)])
        until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < until:
            held = [each["labels"] for each in self._alerts() if each["status"]["inhibitedBy"]]
            if any(labels.get("instance") == LAST for labels in held):
                found = [each["labels"] for each in self._alerts() if each["status"]["inhibitedBy"]]
                return [labels for labels in found if labels.get("instance") != LAST]
            time.sleep(0.1)
        raise AssertionError("the last alert was never held back")


def in_order(alerts: list[Labels]) -> list[Labels]:
    return sorted(alerts, key=lambda labels: sorted(labels.items()))


class InhibitionTest(unittest.TestCase):
    def expect(self, raised: list[Labels], held_back: list[Labels]) -> None:
        with RunningAlertmanager() as alertmanager:
            alertmanager.raise_alerts(raised)
            self.assertEqual(in_order(alertmanager.held_back()), in_order(held_back))

    def test_without_any_exporter_one_alert_is_left(self) -> None:
        stale = alert("SondeAnalyzerStale", severity="critical", job="sonde-analyzer", instance="a:9757")
        down = alert("SondeExporterDown", severity="warning", job="sonde-exporter", instance="n1:9756")
        failing = alert("SondeCollectorFailing", severity="warning", instance="n1:9756", collector="oom")
        everywhere = alert("SondeExporterDownEverywhere", severity="critical", job="sonde-exporter")
        self.expect([everywhere, stale, down, failing], [stale, down, failing])

    def test_one_exporter_of_several_explains_no_stale_analyzer(self) -> None:
        stale = alert("SondeAnalyzerStale", severity="critical", job="sonde-analyzer", instance="a:9757")
        down = alert("SondeExporterDown", severity="warning", job="sonde-exporter", instance="n1:9756")
        failing = alert("SondeCollectorFailing", severity="warning", instance="n1:9756", collector="oom")
        flows = alert("SondeFlowsIncomplete", severity="warning", instance="n1:9756", reason="pairs_full")
        elsewhere = alert("SondeCollectorFailing", severity="warning", instance="n2:9756", collector="oom")
        pair = alert("SondePairSlow", severity="warning", instance="n1:9756", service="api", remote_service="redis")
        self.expect([down, stale, failing, flows, elsewhere, pair], [failing, flows])

    def test_another_cluster_is_not_held_back(self) -> None:
        here = alert("SondeAnalyzerStale", severity="critical", instance="a:9757", cluster="east")
        there = alert("SondeAnalyzerStale", severity="critical", instance="a:9757", cluster="west")
        everywhere = alert("SondeExporterDownEverywhere", severity="critical", job="sonde-exporter", cluster="east")
        self.expect([everywhere, here, there], [here])

    def test_an_analyzer_that_is_down_or_stale_says_so_once(self) -> None:
        down = alert("SondeAnalyzerDown", severity="critical", instance="a:9757")
        stale = alert("SondeAnalyzerStale", severity="critical", instance="a:9757")
        failures = alert("SondeAnalyzerTickFailures", severity="warning", instance="a:9757", reason="timeout")
        reload = alert("SondeAnalyzerReloadFailed", severity="warning", instance="a:9757")
        self.expect([down, stale, failures, reload], [stale, failures])
        self.expect([stale, failures, reload], [failures])


if __name__ == "__main__":
    unittest.main(verbosity=2)
