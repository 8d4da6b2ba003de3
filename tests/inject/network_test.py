#!/usr/bin/env python3
"""Loss, latency and bandwidth of a container's network: their effect as peers feel it, IPv4 and IPv6, and that nothing
is left of them, whoever dies."""
import glob
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "flows")]
from injector import FOLDER, PROGRAM, SECONDS, Injector  # noqa: E402
from network_scripts import HELLO, PING, RECEIVE, SEND, TABLES  # noqa: E402
from pod_networks import NODE, PodNetworks, enter  # noqa: E402

TARGET, PEER = "server-1", "client-1"
# Of each fault: how it is asked for, where it is put.
FAULTS = {"latency": ("--delay=50ms",), "loss": ("--ratio=0.2",), "bandwidth": ("--bytes-per-second=1000000",)}


def python(pods: PodNetworks, pod: str, script: str, *arguments: str) -> str:
    return pods.run(pod, sys.executable, "-c", script, *arguments)


def programs_of_others() -> set[str]:
    """BPF programs that processes hold which are no injectors of a test: another may be at work on the machine."""
    found: set[str] = set()
    for path in glob.glob("/proc/[0-9]*/fdinfo/*"):
        try:
            with open(f"/proc/{path.split('/')[2]}/cmdline", encoding="utf-8", errors="replace") as file:
                if FOLDER in file.read():
                    continue
            with open(path, encoding="utf-8") as file:
                found.update(re.findall(r"^prog_id:\s*(\d+)", file.read(), re.MULTILINE))
        except OSError:
            continue
    return found


def snapshot(pods: PodNetworks) -> list[str]:
    """All that a fault of the network could leave, on the machine and in the namespaces of the test."""
    look = ("set -e; iptables-save; ip6tables-save; tc qdisc; cat /proc/net/netfilter/nfnetlink_queue; "
            "/usr/bin/python3 -c \"$TABLES\"")
    filters = "; tc filter show dev eth0 ingress; tc filter show dev eth0 egress"
    found = []
    for place, namespace in (("machine", None), (NODE, pods.node), (TARGET, pods.namespace(TARGET))):
        command = [*(enter(namespace) if namespace else ()), "sh", "-c", look + (filters if place == TARGET else "")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TABLES": TABLES})
        # Dates, and counters of other programs' rules.
        found += [f"{place}: {line}" for line in re.sub(r"\[\d+:\d+\]", "", done.stdout).splitlines() if line[:1] != "#"]
    programs = subprocess.run(["bpftool", "prog"], capture_output=True, text=True, check=True).stdout
    ours = {line.split(":")[0] for line in programs.splitlines() if " name lose " in line} - programs_of_others()
    links = subprocess.run(["bpftool", "link", "list"], capture_output=True, text=True, check=True).stdout
    attached = [words[3] for words in map(str.split, links.splitlines()) if words[2:3] == ["prog"]]
    found += [f"link of {number}" for number in attached if number in ours]
    return found + [f"program {number}" for number in sorted(ours)]


@unittest.skipIf(os.getuid() != 0, "needs root for network namespaces")
class NetworkFaults(unittest.TestCase):
    pods: PodNetworks

    @classmethod
    def setUpClass(cls) -> None:
        cls.pods = PodNetworks(PEER, TARGET).__enter__()
        cls.acquaint()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.pods.__exit__(None, None, None)

    @classmethod
    def acquaint(cls) -> None:
        """The container has a neighbour then, who answers pings."""
        python(cls.pods, TARGET, HELLO, cls.pods.address(PEER), cls.pods.address6(PEER))

    def injector(self, fault: str, *flags: str, duration: str = "1m", cgroup: str = "") -> Injector:
        return Injector(fault, cgroup or f"/{self.pods.cgroups.name}/{TARGET}", *flags, duration=duration)

    def addresses(self, pod: str) -> tuple[str, str]:
        return self.pods.address(pod), self.pods.address6(pod)

    def round_trips(self, address: str, count: int) -> float:
        """Median of pings from the peer to the container. Unit: seconds."""
        return statistics.median(float(line) for line in python(self.pods, PEER, PING, address, str(count)).split())

    def test_latency_is_what_was_asked_for(self) -> None:
        for delay_ms in (5, 50, 200):
            before = [self.round_trips(address, 20) for address in self.addresses(TARGET)]
            with self.injector("latency", f"--delay={delay_ms}ms") as injector:
                injector.wait_active()
                for address, base in zip(self.addresses(TARGET), before):
                    felt = (self.round_trips(address, 20) - base) * 1e3
                    print(f"asked {delay_ms} ms, a round trip to {address} takes {felt:.2f} ms longer", flush=True)
                    self.assertLess(abs(felt - delay_ms), max(1, 0.05 * delay_ms))
                self.assertAlmostEqual(injector.value("sonde_fault_asked_delay_seconds"), delay_ms / 1e3)
                self.assertLess(abs(injector.value("sonde_fault_measured_delay_seconds") * 1e3 - delay_ms),
                                max(1, 0.05 * delay_ms))
            self.assertLess(self.round_trips(self.pods.address(TARGET), 20), before[0] + 2e-3)

    def test_jitter_spreads_the_delay(self) -> None:
        # Quartiles, as a ping that a busy machine held back for long says nothing of them.
        for distribution, between_quartiles in (("uniform", 10), ("normal", 13.5)):
            with self.injector("latency", "--delay=40ms", "--jitter=10ms", f"--distribution={distribution}") as injector:
                injector.wait_active()
                text = python(self.pods, PEER, PING, self.pods.address(TARGET), "200")
            first, median, third = statistics.quantiles([float(line) * 1e3 for line in text.split()], n=4)
            print(f"{distribution}: quartiles {first:.1f}, {median:.1f}, {third:.1f} ms", flush=True)
            self.assertLess(abs(median - 40), 4)
            self.assertLess(abs(third - first - between_quartiles), 0.35 * between_quartiles)

    def test_shapes_change_the_delay_while_it_is_in_place(self) -> None:
        address = self.pods.address(TARGET)
        with self.injector("latency", "--delay=100ms", "--shape=flapping", "--period=6s") as injector:
            injector.wait_active()
            end, delays = time.monotonic() + 8, []
            while time.monotonic() < end:
                delays.append(self.round_trips(address, 1))
        late = [delay for delay in delays if delay > 0.1]
        print(f"flapping: {len(late)} of {len(delays)} pings late", flush=True)
        self.assertGreater(len(late), 3)
        self.assertGreater(sum(delay < 0.02 for delay in delays), len(delays) / 4)
        with self.injector("latency", "--delay=400ms", "--shape=ramp", "--ramp=8s") as injector:
            injector.wait_active()
            seen = []
            while not seen or seen[-1] < 0.39:
                least = injector.value("sonde_fault_asked_delay_seconds")
                seen.append(self.round_trips(address, 1))
                # What is published is up to half a second old.
                self.assertGreater(seen[-1], least - 0.01)
                self.assertLess(seen[-1], least + 0.15)
            print("ramp:", [f"{delay * 1e3:.0f}" for delay in seen], flush=True)

    def received(self, address: str, count: int) -> int:
        """Of so many datagrams of the container, those that arrive at the peer."""
        receiver = subprocess.Popen([*enter(self.pods.namespace(PEER)), sys.executable, "-c", RECEIVE],
                                    stdout=subprocess.PIPE, text=True)
        assert receiver.stdout is not None
        receiver.stdout.readline()
        python(self.pods, TARGET, SEND, address, str(count))
        return int(receiver.communicate()[0])

    def test_loss_is_what_was_asked_for(self) -> None:
        count = 4000
        for ratio in (0.05, 0.2):
            with self.injector("loss", f"--ratio={ratio}") as injector:
                injector.wait_active()
                for address in self.addresses(PEER):
                    received = self.received(address, count)
                    print(f"asked {ratio}, of {count} datagrams to {address} {1 - received / count:.4f} are lost", flush=True)
                    self.assertLess(abs(1 - received / count - ratio), 0.02)
                time.sleep(0.6)
                self.assertLess(abs(injector.value("sonde_fault_measured_loss_ratio") - ratio), 0.02)
                self.assertGreater(injector.value("sonde_fault_packets_total"), 2 * count)
        self.assertEqual(self.received(self.pods.address(PEER), 500), 500)

    def test_tcp_sends_again_what_is_lost(self) -> None:
        """The sender does not learn of the loss but by its missing acknowledgement."""
        with self.injector("loss", "--ratio=0.1") as injector:
            injector.wait_active()
            before = self.retransmitted()
            # Few packets, as each has many segments: now and then none of a transfer's is lost.
            for _ in range(10):
                self.bulk(TARGET, PEER, "-n", "200K", "-M", "536")
                if self.retransmitted() > before:
                    break
            self.assertGreater(self.retransmitted(), before)

    def retransmitted(self) -> int:
        lines = [line.split()[1:] for line in self.pods.run(TARGET, "cat", "/proc/net/snmp").splitlines() if
                 line.startswith("Tcp:")]
        return int(lines[1][lines[0].index("RetransSegs")])

    def bulk(self, sender: str, receiver: str, *options: str, to: str = "") -> float:
        """Bytes per second of a TCP connection."""
        server = subprocess.Popen([*enter(self.pods.namespace(receiver)), "iperf3", "-s", "-1", "--forceflush"],
                                  stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        while "listening" not in server.stdout.readline():
            pass
        report = self.pods.run(sender, "iperf3", "-c", to or self.pods.address(receiver), "-J", *options)
        server.communicate()
        found = re.search(r'"sum_received":\s*{[^}]*"bits_per_second":\s*([\d.]+)', report)
        assert found, report
        return float(found[1]) / 8

    def test_bandwidth_is_what_was_asked_for(self) -> None:
        for rate in (200_000, 2_000_000):
            with self.injector("bandwidth", f"--bytes-per-second={rate}") as injector:
                injector.wait_active()
                for address in self.addresses(PEER):
                    # Of 1,514 bytes on the link, 1,448 are TCP's, of IPv6 1,428.
                    felt = self.bulk(TARGET, PEER, "-t", "4", to=address) * 1514 / (1428 if ":" in address else 1448)
                    print(f"asked {rate} bytes per second, TCP to {address} gets {felt:.0f}", flush=True)
                    self.assertLess(abs(felt - rate), 0.15 * rate)
                self.assertLess(abs(injector.value("sonde_fault_measured_bandwidth_bytes_per_second") - rate), 0.1 * rate)

    def test_bulk_transfers_stay_possible_under_a_delay(self) -> None:
        with self.injector("latency", "--delay=50ms") as injector:
            injector.wait_active()
            to, back = self.bulk(PEER, TARGET, "-t", "4"), self.bulk(TARGET, PEER, "-t", "4")
        print(f"under 50 ms: {to * 8e-6:.0f} Mbit/s to the container, {back * 8e-6:.0f} from it", flush=True)
        self.assertGreater(to * 8, 50e6)
        self.assertGreater(back * 8, 50e6)

    def end(self, injector: Injector, how: str) -> None:
        if how == "duration":
            self.assertEqual(injector.process.wait(SECONDS), 0)
        elif how == "SIGTERM":
            injector.process.terminate()
            self.assertEqual(injector.process.wait(SECONDS), 0)
        elif how == "killed":
            injector.process.kill()
            injector.process.wait(SECONDS)
        else:
            watchdog = injector.pid_in_state("watchdog")
            os.kill(watchdog, signal.SIGSTOP)
            injector.process.kill()
            os.kill(watchdog, signal.SIGKILL)
            injector.process.wait(SECONDS)
            for _ in range(2):  # as often as one likes
                subprocess.run([PROGRAM, "undo", f"--state-dir={injector.states}"], check=True, capture_output=True)
        deadline = time.monotonic() + SECONDS
        while injector.processes() or os.listdir(injector.states):
            self.assertLess(time.monotonic(), deadline, f"{injector.processes()} {os.listdir(injector.states)}")
            time.sleep(0.05)

    def test_nothing_is_left_whoever_dies(self) -> None:
        before = snapshot(self.pods)
        for fault, flags in FAULTS.items():
            for how in ("duration", "SIGTERM", "killed", "both killed"):
                with self.subTest(f"{fault}, {how}"), self.injector(
                        fault, *flags, duration="8s" if how == "duration" else "1m") as injector:
                    injector.wait_active()
                    self.assertNotEqual(snapshot(self.pods), before, "the comparison sees the fault")
                    self.end(injector, how)
                    # The kernel frees programs a moment after those who held them.
                    deadline = time.monotonic() + 5
                    while (after := snapshot(self.pods)) != before and time.monotonic() < deadline:
                        time.sleep(0.1)
                    self.assertEqual(after, before)

    def assert_restored(self, before: list[str], injector: Injector) -> None:
        """Within a few seconds nothing is left: no process, no state, nothing in the kernel."""
        deadline = time.monotonic() + SECONDS
        while injector.processes() or os.path.isdir(injector.states) and os.listdir(injector.states):
            self.assertLess(time.monotonic(), deadline, injector.log())
            time.sleep(0.05)
        deadline = time.monotonic() + 5
        while (after := snapshot(self.pods)) != before and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(after, before)

    def test_nothing_is_left_whenever_the_injector_is_killed(self) -> None:
        """In its first second, and while it undoes the fault."""
        before, times = snapshot(self.pods), random.Random(7)
        for fault, flags in FAULTS.items():
            for _ in range(3):
                after = times.uniform(0, 1)
                with self.subTest(f"{fault}, after {after:.3f} s"), self.injector(fault, *flags) as injector:
                    time.sleep(after)
                    injector.process.kill()
                    injector.process.wait(SECONDS)
                    self.assert_restored(before, injector)
            for _ in range(2):
                after = times.uniform(0, 0.02)
                with self.subTest(f"{fault}, {after:.4f} s into its undo"), self.injector(fault, *flags) as injector:
                    injector.wait_active()
                    injector.process.terminate()
                    time.sleep(after)
                    injector.process.kill()
                    injector.process.wait(SECONDS)
                    self.assert_restored(before, injector)

    def test_undo_is_no_error_when_the_container_is_gone(self) -> None:
        self.pods.add("short-1")
        python(self.pods, "short-1", HELLO, self.pods.address(PEER))
        cgroup = f"/{self.pods.cgroups.name}/short-1"
        with self.injector("bandwidth", "--bytes-per-second=1000000", cgroup=cgroup) as injector:
            injector.wait_active()
            self.pods.remove("short-1")
            injector.process.terminate()
            self.assertEqual(injector.process.wait(SECONDS), 0)
            self.assertEqual(os.listdir(injector.states), [])

    def refused(self, *words: str, fault: str = "latency", cgroup: str = "", flags: tuple[str, ...] = ()) -> None:
        with self.injector(fault, *(flags or FAULTS[fault]), cgroup=cgroup) as injector:
            self.assertNotEqual(injector.process.wait(SECONDS), 0)
            for word in words:
                self.assertIn(word, injector.log())
            self.assertFalse(os.path.isdir(injector.states) and os.listdir(injector.states))

    def test_what_would_hit_others_is_refused(self) -> None:
        host = f"{self.pods.cgroups.name}/host-1"
        self.pods.cgroups.make("host-1")
        self.refused("no process is in it", cgroup=f"/{host}")
        self.pods.cgroups.run(host, "sleep", "infinity")
        self.refused("the host's own", cgroup=f"/{host}")
        self.refused("--interface=eth7", "eth0", flags=("--delay=50ms", "--interface=eth7"))
        self.refused("10.198.1.99", "--probe-to", flags=("--delay=50ms", "--probe-to=10.198.1.99"))
        self.refused("--probe-to=there", flags=("--delay=50ms", "--probe-to=there"))

    def test_a_qdisc_of_somebody_else_is_left_alone(self) -> None:
        self.pods.run(TARGET, *"tc qdisc add dev eth0 root handle 7: tbf rate 100mbit burst 32kb latency 50ms".split())
        try:
            self.refused("tbf, handle 7:", fault="bandwidth")
            self.assertIn("qdisc tbf 7:", self.pods.run(TARGET, "tc", "qdisc"))
        finally:
            self.pods.run(TARGET, *"tc qdisc del dev eth0 root".split())

    def test_the_interface_of_the_default_route_is_chosen(self) -> None:
        self.pods.run(TARGET, *"ip link add other0 type veth peer name other1".split())
        try:
            self.refused("several interfaces", "--interface")
            with self.injector("latency", "--interface=eth0") as injector:
                injector.wait_active()
            self.pods.run(TARGET, *f"ip route add default via {self.pods.address(PEER)}".split())
            with self.injector("latency") as injector:
                injector.wait_active()
                self.assertIn("interface=eth0", injector.log())
        finally:
            self.pods.run(TARGET, *"ip link del other0".split())
            subprocess.run([*enter(self.pods.namespace(TARGET)), *"ip route del default".split()], check=False,
                           capture_output=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
