#!/usr/bin/python3
"""Rules and dashboards that were made for kubelet's cAdvisor work on sonde-exporter --compat.cadvisor: the questions of the
Kubernetes mixin, asked of a real Prometheus that scrapes a real pod with a network of its own."""
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
NAMESPACE = f"sonde-cri-{os.getpid()}"
GATEWAY = "10.99.0.1"  # of containerd.POD_SUBNET, at the other end of the pod's interface
# The selectors of https://github.com/kubernetes-monitoring/kubernetes-mixin, config.libsonnet, filled in as kube-prometheus does.
KUBELET = 'job="kubelet", metrics_path="/metrics/cadvisor"'
DISK = 'device=~"(/dev/)?(mmcblk.p.+|nvme.+|rbd.+|sd.+|vd.+|xvd.+|dm-.+|md.+|dasd.+)"'
CONTAINER = 'namespace="shop", pod="cart-0", container!="", image!=""'
POD = 'namespace="shop", pod=~"cart-0"'
DISKS = f'{KUBELET}, {DISK}, container!="", namespace="shop", pod="cart-0"'
# kube-state-metrics would tell on which node a pod is.
ON_NODE = ('* on (cluster, namespace, pod) group_left(node) topk by (cluster, namespace, pod) '
           '(1, max by (cluster, namespace, pod, node) (kube_pod_info{node!=""}))')
KUBE_POD_INFO = """
groups:
  - name: kube-state-metrics
    interval: 1s
    rules:
      - {record: kube_pod_info, expr: 'group by (namespace, pod) (container_memory_rss{pod="cart-0"})', labels: {node: n1}}
"""
# What its recording rules, its alert CPUThrottlingHigh and the panels of its dashboards ask cAdvisor for.
EXPRESSIONS = (
    f'sum by (cluster, namespace, pod, container) (rate(container_cpu_usage_seconds_total{{{KUBELET}, image!=""}}[5m])) {ON_NODE}',
    f'container_memory_working_set_bytes{{{KUBELET}, image!=""}} {ON_NODE}',
    f'container_memory_rss{{{KUBELET}, image!=""}} {ON_NODE}',
    f'container_memory_cache{{{KUBELET}, image!=""}} {ON_NODE}',
    'sum(max by (cluster, namespace, pod, container) '
    f'(container_memory_working_set_bytes{{{KUBELET}, {CONTAINER}}})) by (container)',
    *(f'sum(max by (cluster, namespace, pod, container) (container_memory_{kind}{{{KUBELET}, namespace="shop", pod="cart-0", '
      'container != "", container != "POD"})) by (container)' for kind in ("rss", "cache")),
    f'sum(increase(container_cpu_cfs_throttled_periods_total{{{KUBELET}, container!=""}}[5m])) '
    'without (id, metrics_path, name, image, endpoint, job, node) '
    f'/ sum(increase(container_cpu_cfs_periods_total{{{KUBELET}}}[5m])) '
    'without (id, metrics_path, name, image, endpoint, job, node) > (25 / 100)',
    f'container_spec_cpu_quota{{{KUBELET}}} / container_spec_cpu_period{{{KUBELET}}}',
    f'container_spec_memory_limit_bytes{{{KUBELET}, container!=""}}',
    *(f'ceil(sum by (pod) (rate(container_fs_{way}_total{{{DISKS}}}[1m])))' for way in ("reads", "writes")),
    *(f'sum by (pod) (rate(container_fs_{way}_bytes_total{{{DISKS}}}[1m]))' for way in ("reads", "writes")),
    *(f'sum by (container) (rate(container_fs_reads{unit}_total{{{DISKS}}}[1m])'
      f' + rate(container_fs_writes{unit}_total{{{DISKS}}}[1m]))' for unit in ("", "_bytes")),
    *(f'sum(rate(container_network_{way}_{unit}_total{{{KUBELET}, {POD}}}[1m])) by (pod) > 0'
      for way in ("receive", "transmit") for unit in ("bytes", "packets")),
    *(f'sum(rate(container_network_{way}_packets_dropped_total{{{KUBELET}, {POD}}}[1m])) by (pod)'
      for way in ("receive", "transmit")),
    f'rate(container_memory_failures_total{{{KUBELET}, scope="container", failure_type="pgfault"}}[1m])',
    f'container_oom_events_total{{{KUBELET}, container="server"}}',
    f'time() - container_start_time_seconds{{{KUBELET}, container="server"}}',
    f'container_threads{{{KUBELET}, container="server"}}',
    *(f'rate(container_pressure_{resource}_{what}_seconds_total{{{KUBELET}, container="server"}}[1m])'
      for resource in ("cpu", "memory", "io") for what in ("waiting", "stalled")),
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
        subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", NAMESPACE], check=True)
        with Containerd(network=NAMESPACE) as runtime, tempfile.TemporaryDirectory() as folder, \
                RunningExporter(f"--path.rootfs={runtime.rootfs}", "--compat.cadvisor") as exporter:
            pod = runtime.run_pod("cart-0")
            runtime.run_container(pod, "server", "sh", "-c", "while true; do true; done", cpu_period=100000, cpu_quota=10000,
                                  memory_limit_in_bytes=64 << 20)
            runtime.run_container(pod, "client", "ping", GATEWAY)
            port = free_port()
            with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
                file.write(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: kubelet
    honor_labels: true
    static_configs: [{{targets: ['127.0.0.1:{exporter.port}'], labels: {{metrics_path: /metrics/cadvisor}}}}]
""")
            with open(f"{folder}/rules.yml", "w", encoding="utf-8") as file:
                file.write(KUBE_POD_INFO)
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
