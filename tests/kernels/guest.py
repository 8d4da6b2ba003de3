#!/usr/bin/python3
"""Runs inside a Machine, on a kernel other than the host's and cgroup v2 alone: the parts named on the command line,
each a class below. kernels_test.py reads the lines "part …" that this prints."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TESTS, "cri"), os.path.join(TESTS, "exporter"), os.path.join(TESTS, "..")]
from cgroups import TestCgroups  # noqa: E402
from containerd import IMAGE, Containerd  # noqa: E402
from demo.loop.delay import Delay  # noqa: E402
from demo.loop.network import SWITCH, Network, ip  # noqa: E402
from guest_times import NetemTimes  # noqa: E402, F401: a part that is asked for by name
from running_exporter import RunningExporter, samples, value  # noqa: E402

ROOT = "/sys/fs/cgroup"
FLOW_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "flows", "flow_interfaces_test")
PACKETS_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "flows", "flow_kernel_test")
MAPPING_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "flow_mapping", "mapping_programs_test")
DROPS_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "flows", "flow_drops_test")
INJECT = os.path.join(os.environ["SONDE_BUILD"], "bin", "sonde-inject")
BPF_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "bpf", "bpf_test")
TOPICS = {"syscalls", "page_faults", "process_events", "scheduler", "block_io", "tcp_retransmits", "packet_drops",
          "flow_rtt", "cgroup_events", "bpf_self", "packet_trace"}
# Older kernels have no tracepoint tcp_sendmsg_locked, but the function of that name.
FIRST_WITH_TRACEPOINT = (6, 16)
FIRST_WITH_TCX = (6, 6)
RELEASE = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
# What computes little; the rest takes minutes here.
EXACTNESS = ("Every/Exactness.TwentyThree*OnV2", "Every/Exactness.TwentyThree*/Direct*", "BpfSelf.*",
             "CgroupEventsTest.*", "MissingHooks.*", "MissingRights.*", "FullMap.*", "SlotCounts.AKey*",
             "Rows.TheirSum*", "On/SchedulerTest.Buckets*/V2", "On/SchedulerTest.AThread*/V2",
             "SyscallsMode.ExactHolds*", "SyscallsMode.OffLoads*")
FEWEST_TESTS = 45
# Those that ask for tcx by name are left out, and what takes minutes here.
FILTERS = ("Places/EveryPlace.*clsact", "FlowInterfacesTest.*", "TcAttachmentTest.*Filter*", "TcAttachmentTest.WhatOthers*",
           "TcAttachmentTest.TheOnlyMeans*", "-*EachModeNeeds*", "*AtTheNextStart", "*HoldUp*")
FEWEST_FILTER_TESTS = 15
LINKS = ("Places/EveryPlace.*tcx", "FlowInterfacesTest.AHostEnd*", "FlowInterfacesTest.InterfacesThatCome*", "FlowInterfacesTest.AnIndex*",
         "FlowInterfacesTest.EachContainerIs*", "TcAttachmentTest.ALink*", "TcAttachmentTest.TheBestMeans*")
# One of each kind: the programs are loaded anew for every case.
PACKETS = ("Ip/FlowPackets.DataIsTimedUntilItsAckTowardsTheRemote/*", "Ip/FlowPackets.WhatWasSentAgainIsNoSample/V4",
           "Ip/FlowPackets.ARequestIsTimed*/V4", "FlowShapes.EveryExtensionHeaderOfIpv6",
           "FlowAccounts.NetworkNamespaces*", "FlowAccounts.AFlowThatOutlives*", "FlowAlertsTest.AboveTheAbsolute*")
INJECT_TEST = os.path.join(os.environ["SONDE_BUILD"], "tests", "inject", "inject_injection_test")
# Each fault ended by SIGKILL of the injector, and what differs on cgroup v2: the kernel's files.
FAULTS = ("Faults/EveryFault.IsUndoneByTheWatchdog*", "FaultEffect.MemoryThatTheLimitEnds*", "FaultEffect.ProcessesFill*",
          "FaultEffect.Paused*", "FaultEffect.APaused*", "Modes/DiskEffect.*/write")
FEWEST_FAULT_TESTS = 12
MAPPINGS = ("MappingLifecycle.ASecondConnectionFrom*", "MappingLifecycle.ASynFromAfar*", "MappingTrust.WhatASocketSends*",
            "MappingTrust.ReceivedPacketsMake*", "MappingTrust.PlainRemotes*", "MappingRtt.OfAConnectionThatWasThere*",
            "MappingPackets.PodsThatShare*", "MappingPackets.TwoVirtualNetworks*")
FILES = ("cpu.stat", "io.stat", "memory.current", "pids.current", "cpu.pressure", "memory.pressure", "io.pressure")
# Series of a container, and which of the kernel's numbers each is, in its unit.
SAME = [
    (("sonde_container_cpu_usage_seconds_total",), "cpu.stat usage_usec", 1e-6),
    (("sonde_container_cpu_quota_periods_total",), "cpu.stat nr_periods", 1),
    (("sonde_container_cpu_throttled_periods_total",), "cpu.stat nr_throttled", 1),
    (("sonde_container_cpu_throttled_seconds_total",), "cpu.stat throttled_usec", 1e-6),
    (("sonde_container_memory_usage_bytes",), "memory.current", 1),
    (("sonde_container_tasks",), "pids.current", 1),
    *(((f"sonde_container_io_{what}_total", ("operation", operation)), f"io.stat {key}", 1)
      for what, operation, key in (("bytes", "read", "rbytes"), ("bytes", "write", "wbytes"),
                                   ("requests", "read", "rios"), ("requests", "write", "wios"))),
    *(((f"sonde_container_pressure_{what}_seconds_total", ("resource", name)), f"{name}.pressure {key} total", 1e-6)
      for name in ("cpu", "memory", "io") for what, key in (("waiting", "some"), ("stalled", "full")))]
POD = {"namespace": "shop", "pod": "cart-7d8f9c6b5d-x2v4z", "container": "server", "service": "cart"}
DEADLINE_SECONDS = 60
SERVE = "import socket, time; listener = socket.create_server(('10.77.0.1', 80)); print('ready', flush=True); time.sleep(600)"


def set_kernel_file(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def kernel_numbers(folder: str) -> dict[str, float]:
    """What the kernel tells of a cgroup but averages: "pids.current", "cpu.stat usage_usec", "io.stat rbytes" (of all
    devices), "io.pressure some total"."""
    found: dict[str, float] = {}
    for name in FILES:
        with open(f"{folder}/{name}", encoding="ascii") as file:
            lines = [line.split() for line in file]
        for first, *rest in lines:
            if not rest:
                found[name] = float(first)
            elif "=" not in rest[0]:
                found[f"{name} {first}"] = float(rest[0])
            else:
                prefix = name if ":" in first else f"{name} {first}"  # a device, or "some" and "full"
                for key, number in (word.split("=") for word in rest if not word.startswith("avg")):
                    found[f"{prefix} {key}"] = found.get(f"{prefix} {key}", 0) + float(number)
    return found


def expect_passed(case: unittest.TestCase, test: str, filters: tuple[str, ...], fewest: int = 0) -> None:
    """The tests of a GoogleTest program pass in this kernel: as many as there are filters, or more."""
    done = subprocess.run([test, "--gtest_color=no", f"--gtest_filter={':'.join(filters)}"],
                          capture_output=True, text=True, check=False)
    case.assertEqual(done.returncode, 0, done.stdout + done.stderr)
    case.assertNotIn("SKIPPED", done.stdout)
    passed = re.findall(r" OK \] (.*)", done.stdout)
    case.assertGreaterEqual(len(passed), fewest or len(filters))
    print(f"{len(passed)} tests of {os.path.basename(test)}:", *passed, sep="\n", flush=True)


class Programs(unittest.TestCase):
    """The BPF programs in this kernel."""

    def test_every_one_loads_and_attaches(self) -> None:
        with RunningExporter() as exporter:
            page = exporter.page()
            log = exporter.log
        features = {dict(labels)["feature"]: (dict(labels)["reason"], number)
                    for (name, labels), number in samples(page) if name == "sonde_exporter_capability"}
        # The guest has none of netfilter's modules: services' addresses cannot be told, all else can.
        self.assertEqual(features.pop("flow_mapping.conntrack", None), ("rejected", 0), log)
        self.assertEqual({name: state for name, state in features.items() if state != ("available", 1)}, {}, log)
        self.assertLessEqual(TOPICS, set(features))
        failed = [labels for (name, labels), number in samples(page)
                  if name == "sonde_scrape_collector_success" and number != 1]
        self.assertEqual(failed, [], log)
        print(f"{len(features)} features are available", flush=True)

    def test_a_trace_has_the_senders_stages_whatever_tells_of_its_writes(self) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with socket.create_server(("127.0.0.1", 0)) as listener, RunningExporter() as exporter:
            with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
                ends = {"local": "{}:{}".format(*client.getsockname()), "remote": "{}:{}".format(*client.getpeername())}
                body = json.dumps({"flow": ends, "seconds": 1}).encode()
                request = urllib.request.Request(f"http://127.0.0.1:{exporter.port}/trace", data=body)
                with urllib.request.urlopen(request) as reply:
                    page = json.load(reply)["page"]
                status, text = 202, ""
                while status == 202:
                    for end, other in ((client, server), (server, client)):
                        end.sendall(bytes(5000))
                        other.recv(5000, socket.MSG_WAITALL)
                    time.sleep(0.01)
                    status, text = exporter.get(page)
            features = {dict(labels)["feature"]: number for (name, labels), number in samples(exporter.page())
                        if name == "sonde_exporter_capability"}
            log = exporter.log
        self.assertEqual(status, 200, text)
        pair = json.loads(text)["pairs"][0]
        for direction in ("there", "back"):
            self.assertGreater(pair[direction]["units"], 5)
            self.assertGreaterEqual(pair[direction]["stages"]["socket_send"]["units"] + 2, pair[direction]["units"])
            self.assertLessEqual({"sender_run_queue", "ip_send", "qdisc", "socket_receive"}, set(pair[direction]["stages"]))
        hooks = {hook for hook in ("tcp_sendmsg_locked", "fentry/tcp_sendmsg_locked") if features.get(f"packet_trace.{hook}") == 1}
        expected = "tcp_sendmsg_locked" if RELEASE >= FIRST_WITH_TRACEPOINT else "fentry/tcp_sendmsg_locked"
        self.assertEqual(hooks, {expected}, log)
        print(f"{hooks}: stages {', '.join(pair['there']['stages'])}", flush=True)

    def test_their_counts_are_exact(self) -> None:
        expect_passed(self, BPF_TEST, EXACTNESS, FEWEST_TESTS)

    def test_flows_are_timed(self) -> None:
        expect_passed(self, PACKETS_TEST, PACKETS)

    def test_flows_are_mapped(self) -> None:
        expect_passed(self, MAPPING_TEST, MAPPINGS)

    def test_drops_are_counted_by_pair(self) -> None:
        expect_passed(self, DROPS_TEST, ("FlowDropsTest.AreCounted*", "FlowDropsTest.APodThatScans*"))


class Files(unittest.TestCase):
    """What the exporter reads from a cgroup's files."""

    def test_a_cgroup_that_waits_for_everything_is_shown_as_the_kernel_tells(self) -> None:
        script = """
          dd if=/dev/zero of=/var/tmp/file bs=64k status=none count=192 oflag=direct
          dd if=/var/tmp/file of=/dev/null bs=64k status=none count=50 iflag=direct
          dd if=/var/tmp/file of=/dev/null bs=64k status=none; dd if=/var/tmp/file of=/dev/null bs=64k status=none
          work() { i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; }
          work & work & wait; echo done; exec sleep 600"""
        with TestCgroups([ROOT]) as cgroups, RunningExporter() as exporter:
            folder = ROOT + cgroups.make("api-1")
            for file, limit in (("memory.max", "8388608"), ("cpu.max", "50000 100000"), ("cpu.weight", "50"),
                                ("pids.max", "40")):
                set_kernel_file(f"{folder}/{file}", limit)
            process = cgroups.run("/" + cgroups.name + "/api-1", "sh", "-c", script)
            assert process.stdout is not None
            self.assertEqual(process.stdout.readline(), b"done\n")
            names = {"namespace": cgroups.name, "pod": "api-1", "container": "api-1", "service": "api"}
            deadline = time.monotonic() + DEADLINE_SECONDS
            while True:
                before, page, after = kernel_numbers(folder), exporter.page(), kernel_numbers(folder)
                if before == after:
                    break
                self.assertLess(time.monotonic(), deadline, "the cgroup never rests")
            for (metric, *labels), number, unit in SAME:
                with self.subTest(metric, labels=labels):
                    self.assertGreater(after[number], 0)
                    shown = value(page, metric, **names, **dict(labels)) or 0
                    self.assertAlmostEqual(shown, after[number] * unit, delta=1e-9 * shown)
            for metric, limit in (("memory_limit_bytes", 8388608), ("cpu_limit_cores", 0.5), ("cpu_request_cores", 0.5),
                                  ("tasks_limit", 40)):
                self.assertEqual(value(page, f"sonde_container_{metric}", **names), limit)
            set_kernel_file(f"{folder}/memory.max", "2097152")
            leak = cgroups.run("/" + cgroups.name + "/api-1", "/usr/bin/python3", "-c", "bytearray(20_000_000)")
            self.assertNotEqual(leak.wait(), 0)
            self.assertGreaterEqual(value(exporter.page(), "sonde_container_oom_kills_total", **names) or 0, 1)
            cgroups.end(process)


class Faults(unittest.TestCase):
    """What sonde-inject does to containers of cgroup v2."""

    def test_they_are_felt_and_undone(self) -> None:
        expect_passed(self, INJECT_TEST, FAULTS, FEWEST_FAULT_TESTS)


class FlowsByFilters(unittest.TestCase):
    """Flow programs at interfaces, in a kernel without tcx links: filters of clsact."""

    def test_they_are_where_they_should_be_and_leave_nothing_behind(self) -> None:
        expect_passed(self, FLOW_TEST, FILTERS, FEWEST_FILTER_TESTS)


class FlowsByLinks(unittest.TestCase):
    """Flow programs at interfaces by tcx links."""

    def test_they_are_where_they_should_be_and_leave_nothing_behind(self) -> None:
        expect_passed(self, FLOW_TEST, LINKS)


class NetworkDelay(unittest.TestCase):
    """The demo's slow network, in a kernel with netem."""

    def test_what_is_sent_to_a_container_is_late_while_it_lasts(self) -> None:
        network, other = Network("sonde-guest", ["redis"]), ("nsenter", "--net=/run/netns/sonde-guest.redis", "--")
        switch = network.namespace(SWITCH)
        ip(None, [f"netns add {switch}", f"netns add {network.namespace('redis')}"])  # the guest has no bridge
        ip(switch, [f"link add {network.host_end('redis')} type veth peer name eth0 netns {network.namespace('redis')}",
                    f"address add 10.77.0.1/24 dev {network.host_end('redis')}", f"link set {network.host_end('redis')} up"])
        ip(network.namespace("redis"), [f"address add {network.address('redis')}/24 dev eth0", "link set eth0 up"])
        ask = "import socket, time; s = time.monotonic(); socket.create_connection(('10.77.0.1', 80)); print(time.monotonic() - s)"
        with subprocess.Popen(["nsenter", f"--net=/run/netns/{switch}", "/usr/bin/python3", "-c", SERVE],
                              stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()
            times = []
            for seconds in (0.0, 0.5, 0.0):
                with contextlib.ExitStack() as stack:
                    if seconds:
                        delay = stack.enter_context(Delay(network, "redis", seconds, Path("/none"), Path("/run"), []))
                        self.assertEqual(delay.how(), "netem")
                    done = subprocess.run([*other, "/usr/bin/python3", "-c", ask], check=True, capture_output=True, text=True)
                    times.append(float(done.stdout))
            server.kill()
        self.assertGreaterEqual(times[1], 0.5)
        self.assertLess(max(times[0], times[2]), 0.4)
        print(f"connecting takes {times}", flush=True)


class NetworkFaults(unittest.TestCase):
    """sonde-inject's faults of a container's network, by what this kernel has."""

    def test_they_are_proven_and_undone(self) -> None:
        pod, node = "sonde-guest.pod", "sonde-guest.node"
        ip(None, [f"netns add {pod}", f"netns add {node}"])
        ip(node, [f"link add to-pod type veth peer name eth0 netns {pod}", "address add 10.78.0.1/24 dev to-pod", "link set to-pod up"])
        ip(pod, ["address add 10.78.0.2/24 dev eth0", "link set eth0 up", "route add default via 10.78.0.1"])
        with TestCgroups() as cgroups:
            cgroup = cgroups.make("redis-1")
            cgroups.run(cgroup, "sleep", "infinity", prefix=("nsenter", f"--net=/run/netns/{pod}"))
            before = self.qdiscs(pod)
            for fault, flag, qdisc, ending in (("latency", "--delay=200ms", "netem", "kill"), ("bandwidth", "--bytes-per-second=20000", "tbf", "term"),
                                               ("loss", "--ratio=0.3", "netem" if RELEASE < FIRST_WITH_TCX else "noqueue", "term")):
                with self.subTest(fault):
                    self.inject(pod, qdisc, ending, fault, f"--cgroup={cgroup}", flag)
                    self.assertEqual(self.qdiscs(pod), before)

    def qdiscs(self, namespace: str) -> str:
        return subprocess.run(["tc", "-n", namespace, "qdisc", "show", "dev", "eth0"], check=True, capture_output=True, text=True).stdout

    def inject(self, namespace: str, qdisc: str, ending: str, *arguments: str) -> None:
        states, log = "/run/sonde-states", f"/run/{arguments[0]}.log"
        with open(log, "wb") as file:
            injector = subprocess.Popen([INJECT, *arguments, "--duration=5m", "--proof-timeout=1m", "--linger=0s", f"--state-dir={states}",
                                         "--web.listen-address=127.0.0.1:0"], stdout=file, stderr=file)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while "fault is active" not in (text := Path(log).read_text(encoding="utf-8")):
            self.assertIsNone(injector.poll(), text)
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.2)
        print(next(line for line in text.splitlines() if "fault is active" in line), flush=True)
        self.assertIn(f"qdisc {qdisc} ", self.qdiscs(namespace))
        if ending == "kill":
            (file_name,) = Path(states).glob(f"fault-{injector.pid}-*.state")
            state = file_name.read_text(encoding="utf-8")
            watchdog = re.search(r"^watchdog (\d+)", state, re.MULTILINE)
            assert watchdog
            os.kill(int(watchdog[1]), signal.SIGSTOP)
            injector.kill()
            os.kill(int(watchdog[1]), signal.SIGKILL)
            injector.wait()
            self.assertIn(f"qdisc {qdisc} ", self.qdiscs(namespace), "the kernel keeps it")
            subprocess.run([INJECT, "undo", f"--state-dir={states}"], check=True)
        else:
            injector.terminate()
            self.assertEqual(injector.wait(), 0)
        self.assertEqual(os.listdir(states), [])


class Pods(unittest.TestCase):
    """A pod of containerd and runc."""

    def test_its_series_have_the_names_and_numbers_that_the_runtime_tells(self) -> None:
        with Containerd(below="/run", prepared=os.environ["PREPARED"]) as runtime, \
                RunningExporter(f"--path.rootfs={runtime.rootfs}") as exporter:
            pod = runtime.run_pod(POD["pod"], labels={"pod-template-hash": "7d8f9c6b5d"})
            container = runtime.run_container(
                pod, "server", "sh", "-c", "i=0; while [ $i -lt 9999 ]; do i=$((i+1)); done; /bin/busybox sleep 600",
                cpu_period=100000, cpu_quota=50000, cpu_shares=512, memory_limit_in_bytes=64 << 20)
            deadline = time.monotonic() + DEADLINE_SECONDS
            while True:
                before, page, after = runtime.stats(container), exporter.page(), runtime.stats(container)
                info = [dict(labels) for (name, labels), _ in samples(page)
                        if name == "sonde_container_info" and ("id", container) in labels]
                if info and before == after and before[0] > 0:
                    break
                self.assertLess(time.monotonic(), deadline, "it is known and at rest")
            self.assertLessEqual({**POD, "image": IMAGE, "runtime": "containerd", "node": os.uname().nodename}.items(),
                                 info[0].items())
            families = set()
            for (name, labels), _ in samples(page):
                if name.startswith("sonde_container_") and ("pod", POD["pod"]) in labels:
                    self.assertLessEqual(set(POD.items()), labels, name)
                    families.add(name)
            self.assertGreater(len(families), 25, families)
            for metric, expected in (("cpu_usage_seconds_total", after[0]), ("memory_working_set_bytes", after[1]),
                                     ("memory_limit_bytes", 64 << 20), ("cpu_limit_cores", 0.5),
                                     ("cpu_request_cores", 500 / 1024)):  # what runc's weight, 20, keeps of 512
                self.assertAlmostEqual(value(page, f"sonde_container_{metric}", **POD) or 0, expected, places=6)
            print(f"{len(families)} families of the pod", flush=True)


if __name__ == "__main__":
    for part in sys.argv[1:]:
        start = time.monotonic()
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(
            unittest.defaultTestLoader.loadTestsFromTestCase(globals()[part]))
        good = result.wasSuccessful() and result.testsRun > 0 and not result.skipped
        print(f"\npart {part} {'passed' if good else 'failed'} in {time.monotonic() - start:.0f} s", flush=True)
