#!/usr/bin/env python3
"""What ./try says of the shop while it waits."""
import math
import unittest
from unittest import mock

from demo.loop import experiment
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
