"""Servers and clients of traffic.py in pods, and what the kernel says of their sockets."""
import os
import re
import subprocess
import sys

from pod_networks import PodNetworks

TRAFFIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traffic.py")
PORT = 5201


def serve(pods: PodNetworks, pod: str, port: int = PORT) -> "subprocess.Popen[bytes]":
    """A server that listens."""
    process = pods.start(pod, sys.executable, TRAFFIC, "serve", str(port))
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line == b"ready\n", line
    return process


def ask(pods: PodNetworks, pod: str, address: str, *options: str,
        port: int = PORT) -> "tuple[subprocess.Popen[bytes], list[int]]":
    """A client whose flows are connected, and its ports. Options: those of `traffic.py ask`."""
    process = pods.start(pod, sys.executable, TRAFFIC, "ask", address, str(port), *options)
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words and words[0] == b"ports", words
    return process, [int(word) for word in words[1:]]


def sockets(pods: PodNetworks, pod: str, port: int = PORT) -> dict[int, dict[str, float]]:
    """What `ss -ti` says of a pod's connections to that port: local port → rtt, minrtt (seconds) and its counts."""
    text = pods.run(pod, "ss", "-tinHO", "state", "established", "dport", "=", f":{port}")
    found = {}
    for line in text.splitlines():
        local = re.search(r":(\d+)\s+\S+:\d+\s", line)
        assert local, line
        numbers = {name: float(value) for name, value in re.findall(r"\b(\w+):([\d.]+)", line[local.end():])}
        if retransmitted := re.search(r"\bretrans:\d+/(\d+)", line):
            numbers["retrans"] = float(retransmitted.group(1))
        for name in ("rtt", "minrtt"):
            if name in numbers:
                numbers[name] /= 1000
        found[int(local.group(1))] = numbers
    return found
