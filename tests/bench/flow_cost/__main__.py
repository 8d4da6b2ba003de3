"""What the flow programs cost. As root.

usage: python3 tests/bench/flow_cost COMMAND [--help]
  throughput   of eight bulk flows: without anything, with the exporter, with empty programs, with tcpdump
  cpu          of a fixed load, measured and computed, in the same four
  packets      nanoseconds a packet above an empty program
"""
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path[:0] = [HERE, ROOT, os.path.join(ROOT, "tests", "flows"), os.path.join(ROOT, "tests", "exporter")]
COMMANDS = ("throughput", "cpu", "packets")

if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
    print(__doc__.strip())
    sys.exit(0 if "--help" in sys.argv[1:] else 2)
importlib.import_module(sys.argv[1]).main(sys.argv[2:])
