#!/usr/bin/env python3
"""SondePairSlow with two real exporters and a Prometheus: the pair between whose nodes packets are late is named, no other.

The rules are those of the repository with shorter times: what is usual is learnt in seconds."""
import os
import random
import sys
import tempfile
import unittest

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from two_nodes import NodeExporter, Prometheus, flow, two_nodes, until, vxlan  # noqa: E402
from delay import Delay  # noqa: E402
from peers import PORT, ask, serve  # noqa: E402

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rules")
TALK = ("--request", "1000", "--response", "1000", "--rate", "20")
GROUPS = {"sonde_pairs", "sonde_network"}
EVALUATION = "500ms"
SHORTER = {"[5m]": "[5s]", "[6h]": "[20s]", "offset 15m": "offset 3s"}
FIRING = 'ALERTS{alertname="SondePairSlow",alertstate="firing"}'
USUAL = "pair:sonde_flow_way_seconds:usual6h"
WAY = "pair:sonde_flow_way_seconds:mean5m"


def shorter_rules() -> str:
    """The groups about pairs, of the two files of rules."""
    groups = []
    for name in ("recording.rules.yml", "alerts.rules.yml"):
        with open(os.path.join(RULES, name), encoding="utf-8") as file:
            groups += [group for group in yaml.safe_load(file)["groups"] if group["name"] in GROUPS]
    assert {group["name"] for group in groups} == GROUPS
    for group in groups:
        group["interval"] = EVALUATION
        for rule in group["rules"]:
            for long, short in SHORTER.items():
                rule["expr"] = rule["expr"].replace(long, short)
            if "alert" in rule:
                rule.update({"for": "2s", "keep_firing_for": "1s"})
    return yaml.safe_dump({"groups": groups})


@unittest.skipIf(os.getuid() != 0, "needs root to make network namespaces")
class PairSlow(unittest.TestCase):
    def pairs(self, prometheus: Prometheus, query: str) -> dict[tuple[str, str], float]:
        """(pod, remote pod) → value."""
        return {(one["metric"]["pod"], one["metric"]["remote_pod"]): float(one["value"][1]) for one in prometheus.query(query)}

    def test_the_pair_whose_packets_are_late_between_the_nodes_is_named(self) -> None:
        delay = random.uniform(0.040, 0.080)
        late = {("a-1", "b-1"), ("b-1", "a-1")}
        with two_nodes(("a-1", "a-2"), ("b-1",)) as (a, b, network), tempfile.TemporaryDirectory() as folder:
            vxlan(a, b)
            with NodeExporter(a) as of_a, NodeExporter(b), Prometheus(a, folder, shorter_rules()) as prometheus:
                serve(b.pods, "b-1")
                ports = {pod: ask(a.pods, pod, b.pods.address("b-1"), *TALK)[1][0] for pod in ("a-1", "a-2")}
                outer = flow(of_a, ports["a-1"], PORT)["sent"]["outer"]["source_port"]
                self.assertNotEqual(outer, flow(of_a, ports["a-2"], PORT)["sent"]["outer"]["source_port"])
                until("what is usual for all", lambda: self.pairs(prometheus, USUAL).keys() >= late | {("a-2", "b-1")})
                self.assertTrue(late.isdisjoint(self.pairs(prometheus, FIRING)))
                with Delay(network, delay, "-i", "to-a", "--sport", str(outer), protocol="udp"):
                    until("both ways are named", lambda: self.pairs(prometheus, FIRING).keys() >= late)
                    way = self.pairs(prometheus, WAY)
                    # Another may be named where this machine had so much to do that its packets were late too; not for this delay.
                    for pair in self.pairs(prometheus, FIRING).keys() - late:
                        self.assertLess(way[pair], delay / 3, pair)
                print(f"applied {delay * 1e3:.1f} ms; way {', '.join(f'{pair}: {way[pair] * 1e3:.1f} ms' for pair in sorted(way))}",
                      file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
