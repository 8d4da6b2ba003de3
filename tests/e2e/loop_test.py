#!/usr/bin/env python3
"""One running loop, put through what can happen to it; the cases run in the order of their numbers.

Another test that needs a loop starts its own: `with demo.loop.loop.Loop() as loop:` (demo/README.md).
"""
import os
import sys
import time
import unittest

from demo.loop import client, experiment
from demo.loop.loop import Loop
from demo.loop.progress import say

RECOVERY_SECONDS = 30.0
FRESH_SECONDS = 7.0  # a tick every 2 s, and the slowness of a busy machine
loop: Loop


def setUpModule() -> None:  # pylint: disable=invalid-name
    """One loop for all cases."""
    global loop  # pylint: disable=global-statement
    loop = Loop(say=lambda text: say(f"starting {text}"))
    unittest.addModuleCleanup(loop.stop)
    loop.__enter__()  # pylint: disable=unnecessary-dunder-call


def analyzer_is_fresh() -> bool:
    """Whether the analyzer judged the shop within the last ticks."""
    success = loop.scrape("analyzer", "sonde_analyzer_last_success_timestamp_seconds")
    scores = loop.scrape("analyzer", "sonde_anomaly_score")
    scored = {score.labels["container"] for score in scores if score.labels["namespace"] == loop.namespace}
    return bool(success) and time.time() - success[0].value < FRESH_SECONDS and scored >= {"redis", "api-1"}


def failures() -> float:
    """Ticks that failed so far, for any reason."""
    return sum(sample.value for sample in loop.scrape("analyzer", "sonde_analyzer_tick_failures_total"))


class LoopTest(unittest.TestCase):
    """Crashes of everything that takes part, and a fault after them; tests/e2e/readme_test.py has the rest."""

    def assert_diagnosed(self, container: str, service: str) -> None:
        """A CPU hog in the container is alerted on and diagnosed as such."""
        loop.inject(container)
        found = loop.wait_for_alert(experiment.ALERT, experiment.ALERT_SECONDS)
        assert found is not None, f"no alert on the fault in {container}: {experiment.state(loop)}"
        alert, _ = found
        self.assertEqual((alert["namespace"], alert["container"]), (loop.namespace, container))
        diagnosis = loop.diagnose(service)
        self.assertIn(container, str(diagnosis))
        self.assertIn("cpu_usage", str(diagnosis))

    def assert_calm_again(self) -> None:
        """After the fault the alert goes away by itself."""
        loop.end_injection()
        client.wait_for("the alert ends", lambda: experiment.ALERT not in alert_names(), 60)

    def test_1_nothing_alerts_while_the_analyzer_learns(self) -> None:
        self.assertEqual(experiment.observe(loop, 10, "quiet", learning=True), [])

    def test_2_every_job_is_scraped(self) -> None:
        down = [sample.labels["job"] for sample in loop.query("up == 0")]
        self.assertEqual(down, ["sonde-inject"], "the injector is not running yet, everything else is")

    def test_3_prometheus_crashes_and_comes_back(self) -> None:
        before = failures()
        loop.process("prometheus").kill()
        client.wait_for("the failure is counted", lambda: failures() > before, RECOVERY_SECONDS)
        loop.process("prometheus").start()
        client.wait_for("the analyzer judges again", analyzer_is_fresh, RECOVERY_SECONDS)

    def test_4_the_exporter_crashes_and_comes_back(self) -> None:
        loop.process("exporter").kill()
        client.wait_for(
            "Prometheus notices", lambda: loop.query('up{job="sonde-exporter"} == 0'), RECOVERY_SECONDS
        )
        loop.process("exporter").start()
        client.wait_for("the analyzer judges again", analyzer_is_fresh, RECOVERY_SECONDS)

    def test_5_the_analyzer_crashes_and_comes_back(self) -> None:
        loop.process("analyzer").kill()
        loop.process("analyzer").start()
        client.wait_for("the analyzer judges again", analyzer_is_fresh, RECOVERY_SECONDS)

    def test_6_a_hog_after_all_that_is_diagnosed(self) -> None:
        self.assert_diagnosed("api-2", "api")
        self.assert_calm_again()

    def test_7_the_shop_survives_its_backends(self) -> None:
        for backend in ("redis", "postgres"):
            loop.process(backend).kill()
            loop.process(backend).start()
            before = answered()
            client.wait_for(
                f"the shop answers after {backend} is back", lambda: answered() > before + 100, 30
            )


def answered() -> float:
    """Requests answered with 200 so far."""
    return sum(
        sample.value
        for sample in loop.scrape("load", "sonde_workload_requests_total")
        if sample.labels["code"] == "200"
    )


def alert_names() -> set[str]:
    """Names of the alerts in Alertmanager."""
    return {alert["alertname"] for alert in loop.alerts()}


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: cgroups, network namespaces and BPF need root")
        sys.exit(77)
    unittest.main(verbosity=2, failfast=False)
