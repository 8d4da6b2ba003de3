#!/usr/bin/env python3
"""Every query of the dashboards against the Prometheus of a running loop, before and during a CPU fault."""
import math
import re
import time
import unittest

from demo.loop import campaign, client
from demo.loop.loop import Loop
from demo.loop.progress import say
from tests.dashboards import dashboards

FAULTED = "api-2"
# Panels whose description says so must differ for the faulted container while the fault is there.
SENSITIVE = "A CPU fault shows here."
STEP_SECONDS = 2.0
QUIET_SECONDS = 40.0
ALERT_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
ROWS_OF_FAULT = 10
loop: Loop
fault_start: float


def setUpModule() -> None:  # pylint: disable=invalid-name
    """One loop; it sees a quiet phase and then a fault, which lasts until all cases are through."""
    global loop, fault_start  # pylint: disable=global-statement
    loop = Loop(say=lambda text: say(f"starting {text}"))
    unittest.addModuleCleanup(loop.stop)
    loop.__enter__()  # pylint: disable=unnecessary-dunder-call
    client.wait_for("the analyzer scores the faulted container", scored, PATIENCE_SECONDS * 2)
    say(f"quiet for {QUIET_SECONDS:.0f} s")
    loop.trace("api", seconds=2)
    quiet_end = time.monotonic() + QUIET_SECONDS
    client.wait_for("the quiet phase is over", lambda: time.monotonic() > quiet_end, QUIET_SECONDS + 5)
    fault_start = loop.inject(FAULTED, duration_seconds=600).start
    say(f"fault in {FAULTED}")
    if loop.wait_for_alert("SondeCulprit", ALERT_SECONDS) is None:
        raise AssertionError(f"no SondeCulprit within {ALERT_SECONDS:.0f} s of the fault")
    train()


def train() -> None:
    """What was quiet and what is the fault now, learnt: the class of the service has a panel too."""
    table = loop.run.folder / "campaign.csv.gz"
    fault_seen = fault_start + ROWS_OF_FAULT * STEP_SECONDS
    client.wait_for("the fault is known well enough", lambda: time.time() > fault_seen, PATIENCE_SECONDS)
    say(campaign.make_table(loop, fault_start - QUIET_SECONDS, table))
    say(campaign.train(loop, table, seed=1))


def scored() -> bool:
    """Whether the analyzer has a threshold for the container that will be faulted."""
    return bool(
        loop.query(f'sonde_anomaly_threshold{{namespace="{loop.namespace}", container="{FAULTED}"}}')
    )


def values() -> dict[str, str]:
    """What Grafana would put for the variables with this run's namespace chosen."""
    # Doubled: the pattern stands in a PromQL string, where "\\-" alone is a wrong escape.
    namespace = re.escape(loop.namespace).replace("\\", "\\\\")
    return dashboards.EVERYTHING | {"namespace": namespace, "__rate_interval": "10s"}


def history(expression: str, start: float, end: float) -> dict[str, list[float]]:
    """Series of the faulted container → values."""
    answer = client.get_json(
        loop.prometheus_url + "/api/v1/query_range",
        {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{STEP_SECONDS:g}"},
    )
    return {
        str(sorted(series["metric"].items())): [float(value) for _, value in series["values"]]
        for series in answer["data"]["result"]
        if series["metric"].get("container") == FAULTED
    }


def differs(before: list[float], now: float) -> bool:
    """Whether the value lies outside of what was seen before, by more than that moved."""
    seen = [value for value in before if math.isfinite(value)]
    if not seen:
        return math.isfinite(now)  # a series that appears with the fault: a container that is named
    spread = max(seen) - min(seen)
    return now > max(seen) + spread + 1e-9 or now < min(seen) - spread - 1e-9


class DashboardDataTest(unittest.TestCase):
    """Each case goes through all dashboards; a fault is in place all the while."""

    def test_every_query_yields_data(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            for query in dashboards.queries(dashboard):
                expression = query.with_values(values())
                with self.subTest(f"{name}: {query.title}: {expression}"):
                    found = client.wait_for(
                        f"data for {expression}", lambda text=expression: loop.query(text), PATIENCE_SECONDS
                    )
                    self.assertTrue(all(not math.isinf(sample.value) for sample in found))

    def test_every_variable_has_values(self) -> None:
        for name, dashboard in dashboards.load_all().items():
            for variable, query, label in dashboards.variable_queries(dashboard):
                with self.subTest(f"{name}: {variable}"):
                    found = {sample.labels.get(label, "") for sample in loop.query(query.with_values(values()))}
                    self.assertNotIn("", found)
                    expected = {"namespace": loop.namespace, "service": "api", "container": FAULTED}[variable]
                    self.assertIn(expected, found)

    def test_a_chosen_container_is_the_only_one_shown(self) -> None:
        chosen = values() | {"container": FAULTED, "service": "api"}
        for name, dashboard in dashboards.load_all().items():
            for query in dashboards.queries(dashboard):
                if "$container" not in query.expression:
                    continue
                shown = {sample.labels.get("container", FAULTED) for sample in loop.query(query.with_values(chosen))}
                self.assertEqual(shown, {FAULTED}, f"{name}: {query.title}")

    def test_fault_sensitive_panels_differ_for_the_faulted_container(self) -> None:
        checked = 0
        for name, dashboard in dashboards.load_all().items():
            for panel in dashboards.panels(dashboard):
                if SENSITIVE not in panel.get("description", ""):
                    continue
                for target in panel["targets"]:
                    checked += 1
                    self.assert_differs(f"{name}: {panel['title']}", target["expr"])
        self.assertGreaterEqual(checked, 5)

    def assert_differs(self, title: str, expression: str) -> None:
        """At least one series of the faulted container shows what it did not show in the quiet phase."""
        text = dashboards.Query(title, expression).with_values(values())
        before = history(text, fault_start - QUIET_SECONDS / 2, fault_start - STEP_SECONDS)

        def moved() -> bool:
            now = history(text, time.time() - STEP_SECONDS, time.time())
            return any(differs(before.get(series, []), seen[-1]) for series, seen in now.items())

        with self.subTest(title):
            client.wait_for(f"'{title}' shows the fault", moved, PATIENCE_SECONDS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
