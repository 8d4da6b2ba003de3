#!/usr/bin/python3
"""Rules and dashboards that were made for kubelet's cAdvisor work on sonde-exporter --compat.cadvisor: expressions in the form of
the Kubernetes mixin, asked of a real Prometheus that scrapes a real pod."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "exporter")]
from containerd import Containerd  # noqa: E402
from running_exporter import RunningExporter  # noqa: E402

DEADLINE_SECONDS = 90
KUBELET = 'job="kubelet", metrics_path="/metrics/cadvisor"'
# In the form of https://github.com/kubernetes-monitoring/kubernetes-mixin: recording rules and panels of its dashboards.
EXPRESSIONS = (
    f'sum by (namespace, pod, container) (irate(container_cpu_usage_seconds_total{{{KUBELET}, image!=""}}[1m]))',
    f'container_memory_working_set_bytes{{{KUBELET}, image!=""}}',
    f'container_memory_rss{{{KUBELET}, image!=""}}',
    f'container_memory_cache{{{KUBELET}, image!=""}}',
    f'sum(container_memory_working_set_bytes{{{KUBELET}, namespace="shop", pod="cart-0", container!="", image!=""}}) '
    'by (container)',
    f'sum(increase(container_cpu_cfs_throttled_periods_total{{{KUBELET}, container!=""}}[1m])) by (container, pod, namespace)'
    f' / sum(increase(container_cpu_cfs_periods_total{{{KUBELET}}}[1m])) by (container, pod, namespace)',
    f'container_spec_cpu_quota{{{KUBELET}}} / container_spec_cpu_period{{{KUBELET}}}',
    f'container_spec_memory_limit_bytes{{{KUBELET}, container!=""}}',
    f'sum(rate(container_fs_reads_total{{{KUBELET}, container!="", namespace="shop"}}[1m])) by (container)'
    f' + sum(rate(container_fs_writes_total{{{KUBELET}, container!="", namespace="shop"}}[1m])) by (container)',
    f'rate(container_memory_failures_total{{{KUBELET}, scope="container", failure_type="pgfault"}}[1m])',
    f'container_oom_events_total{{{KUBELET}, container="server"}}',
    f'time() - container_start_time_seconds{{{KUBELET}, container="server"}}',
    f'container_threads{{{KUBELET}, container="server"}}',
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@unittest.skipIf(os.getuid() != 0, "needs root to run containers")
class CadvisorNames(unittest.TestCase):
    def query(self, port: int, expression: str) -> list[dict[str, object]]:
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as reply:
            return json.load(reply)["data"]["result"]

    def test_expressions_of_the_kubernetes_mixin_have_results(self) -> None:
        with Containerd() as runtime, tempfile.TemporaryDirectory() as folder, \
                RunningExporter(f"--path.rootfs={runtime.rootfs}", "--compat.cadvisor") as exporter:
            pod = runtime.run_pod("cart-0")
            runtime.run_container(pod, "server", "sh", "-c", "while true; do true; done", cpu_period=100000, cpu_quota=10000,
                                  memory_limit_in_bytes=64 << 20)
            port = free_port()
            with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
                file.write(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: kubelet
    honor_labels: true
    static_configs: [{{targets: ['127.0.0.1:{exporter.port}'], labels: {{metrics_path: /metrics/cadvisor}}}}]
""")
            with open(f"{folder}/log", "wb") as log:
                prometheus = subprocess.Popen(
                    ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + DEADLINE_SECONDS
                waiting = set(EXPRESSIONS)
                while waiting:
                    self.assertLess(time.monotonic(), deadline, f"without result: {waiting}")
                    self.assertIsNone(prometheus.poll(), "Prometheus ended")
                    time.sleep(0.5)
                    try:
                        waiting = {one for one in waiting if not self.query(port, one)}
                    except OSError:
                        continue  # it starts
                lint = subprocess.run(["promtool", "check", "metrics"], input=exporter.page(), capture_output=True,
                                      text=True, check=False)
                self.assertEqual((lint.returncode, lint.stdout, lint.stderr), (0, "", ""))
            finally:
                prometheus.terminate()
                prometheus.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2)
