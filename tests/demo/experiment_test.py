#!/usr/bin/env python3
"""What ./try says of the shop while it waits."""
import math
import unittest
from typing import Any
from unittest import mock

from demo.loop import experiment, network_delay
from demo.loop.client import Sample


def said(rate: list[float], latency: list[float], score: list[float]) -> str:
    """state() of a loop whose Prometheus answers its three queries with these."""
    loop = mock.Mock()
    answers = [[Sample({}, value) for value in values] for values in (rate, latency)]
    highest = [Sample({"container": "api-2", "detector": "zscore"}, value) for value in score]
    loop.query.side_effect = [*answers, highest]
    return experiment.state(loop)


class StateTest(unittest.TestCase):
    """No servers, no rights."""

    def test_without_a_request_rate_there_is_no_word_on_latency(self) -> None:
        self.assertEqual(said([], [0.004], []), "request rate not known yet: it takes two scrapes")
        self.assertNotIn("99 %", said([], [math.nan], []))

    def test_of_a_shop_at_work_rate_latency_and_score_are_told(self) -> None:
        self.assertEqual(
            said([100.2], [0.0041], [3.14]),
            "100 requests/s, 99 % within 4 ms, highest score 3.1 × threshold (api-2, zscore)",
        )

    def test_a_latency_of_no_requests_is_left_out(self) -> None:
        self.assertEqual(said([0.0], [math.nan], []), "0 requests/s")


def traced(slowest: str, share: float, confidence: float = 0.9) -> dict[str, Any]:
    """A pair of a trace's report, between api-1 and redis."""
    ends = {
        end: {"address": "10.77.0.9", "workload": {"pod": name, "container": name, "service": name.split("-")[0]}}
        for end, name in (("sender", "api-1"), ("receiver", "redis"))
    }
    return ends | {
        "slowest": slowest,
        "share": {"sender_host": 0.0, "network": share, "receiver_host": 1 - share},
        "confidence": confidence,
        "delay_seconds": 0.1,
    }


class NetworkDelayTest(unittest.TestCase):
    """Which traces pass for those of a slow network."""

    def test_only_a_sure_verdict_on_the_network_that_metrics_repeat_passes(self) -> None:
        self.assertTrue(network_delay.judge(traced("network", 0.97), 0.97).passed)
        self.assertFalse(network_delay.judge(traced("receiver_host", 0.2), 0.2).passed)
        self.assertFalse(network_delay.judge(traced("network", 0.45), 0.45).passed)
        self.assertFalse(network_delay.judge(traced("network", 0.97, confidence=0.3), 0.97).passed)
        self.assertFalse(network_delay.judge(traced("network", 0.97), None).passed)

    def test_the_pair_is_the_latest_with_the_container_at_an_end(self) -> None:
        pair = traced("network", 0.97)
        reports: list[dict[str, Any]] = [{"pairs": []}, {"pairs": [pair | {"slowest": "none"}, pair]}]
        self.assertEqual(network_delay.verdict(reports, "redis"), pair)
        self.assertIsNone(network_delay.verdict(reports, "postgres"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
