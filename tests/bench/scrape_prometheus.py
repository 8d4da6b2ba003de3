#!/usr/bin/env python3
"""What a scrape of 20,000 series by a real Prometheus costs the server, in CPU time of its process.

usage: scrape_prometheus.py [--build build/release] [--scrapes 60]

Starts tests/bench/scrape_server once a way of serving (ours plain, ours with gzip, prometheus-cpp's exposer) and one
Prometheus that scrapes it every second; reads the CPU nanoseconds of all of the server's threads from
/proc/PID/task/*/schedstat around blocks of five scrapes, and prints the median, lowest and highest block.
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

BLOCK = 5  # scrapes
WAYS = {
    "sonde, --web.compression=none": ["--web.compression=none"],
    "sonde, --web.compression=gzip": ["--web.compression=gzip"],
    "prometheus-cpp exposer (gzip)": ["--backend=prometheus-cpp"],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_ns(pid: int) -> int:
    """CPU time of all threads that live; the servers' threads live as long as they do."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total


class Prometheus:
    """A Prometheus that scrapes one port every second."""

    def __init__(self, folder: str, target: int) -> None:
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="ascii") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                       "scrape_configs:\n- job_name: bench\n  honor_labels: true\n"
                       f"  static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n")
        self.port = free_port()
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"])

    def scrapes(self) -> int:
        """Successful scrapes so far."""
        query = urllib.parse.urlencode({"query": 'sum_over_time(up{job="bench"}[1h])'})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError:
            return 0  # it still starts
        return int(result[0]["value"][1]) if result else 0

    def wait_for(self, count: int) -> int:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            now = self.scrapes()
            if now >= count:
                return now
            time.sleep(0.1)
        sys.exit(f"no {count} scrapes succeeded within 120 s")


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)


def measure(server_program: str, flags: list[str], scrapes: int) -> list[float]:
    """Milliseconds of CPU a scrape, one figure a block."""
    server = subprocess.Popen([server_program, *flags], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[1])
        with tempfile.TemporaryDirectory(prefix="sonde_bench_") as folder:
            prometheus = Prometheus(folder, port)
            try:
                blocks = []
                at = prometheus.wait_for(3)
                before = cpu_ns(server.pid)
                for _ in range(scrapes // BLOCK):
                    reached = prometheus.wait_for(at + BLOCK)
                    after = cpu_ns(server.pid)
                    blocks.append((after - before) / 1e6 / (reached - at))
                    at, before = reached, after
                return blocks
            finally:
                stop(prometheus.process)
    finally:
        stop(server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--scrapes", type=int, default=60)
    arguments = parser.parse_args()
    program = os.path.join(arguments.build, "bench", "scrape_server")
    print(f"{'server CPU a scrape of 20,000 series':40} {'median ms':>10} {'lowest':>8} {'highest':>8}")
    for name, flags in WAYS.items():
        blocks = measure(program, flags, arguments.scrapes)
        print(f"{name:40} {statistics.median(blocks):10.2f} {min(blocks):8.2f} {max(blocks):8.2f}", flush=True)


if __name__ == "__main__":
    main()
