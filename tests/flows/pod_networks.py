"""Pods without a container engine: a network namespace and a cgroup each, joined by a bridge in a namespace of the node.

Each pod's eth0 is one end of a veth pair; the other, its host end, is a port of the bridge in the node's namespace and
named after the pod. Nothing touches the machine's own network. Where the cgroups are those of tests/exporter/cgroups.py,
the exporter names the pods: namespace = the parent cgroup, pod = the pod's name.
"""
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporter"))
from cgroups import TestCgroups  # noqa: E402

PREFIX = "sonde-flows"
NODE = "node"


def ip(namespace: str | None, *commands: str) -> None:
    """Runs `ip` commands in a namespace (None: here); one process for all of them."""
    within = ["-n", namespace] if namespace else []
    done = subprocess.run(["ip", *within, "-batch", "-"], input="\n".join(commands) + "\n", capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(within)}: {done.stderr.strip() or done.returncode}; commands: {commands}")


def remove_leftovers() -> None:
    """Deletes the namespaces of tests that were killed: their names hold the number of a process that is gone."""
    for name in sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []:
        found = re.fullmatch(PREFIX + r"-(\d+)-.*", name)
        if found and not os.path.exists(f"/proc/{found.group(1)}"):
            ip(None, f"netns delete {name}")


class PodNetworks:
    """`with PodNetworks("client-1", "server-1") as pods:`; more may be added and removed meanwhile.

    Several nodes in one test differ by `node` and `subnet`, and share the first one's `cgroups`. `mtu`: of all interfaces.
    """

    def __init__(self, *names: str, node: str = NODE, subnet: int = 1, mtu: int = 1500,
                 cgroups: TestCgroups | None = None) -> None:
        self._node, self._subnet, self._mtu = node, subnet, mtu
        self._first = names
        self._numbers: dict[str, int] = {}
        self._next_number = 2
        self._processes: dict[str, list[subprocess.Popen[bytes]]] = {}
        self._own_cgroups = cgroups is None
        self.cgroups = cgroups or TestCgroups()
        self.node = self._namespace(node)

    def _namespace(self, name: str) -> str:
        return f"{PREFIX}-{os.getpid()}-{name}"

    def __enter__(self) -> "PodNetworks":
        remove_leftovers()
        if self._own_cgroups:
            self.cgroups.__enter__()
        try:
            ip(None, f"netns add {self.node}")
            # No snooping, no waiting, no addresses of its own that would fill the tables with other traffic.
            ip(self.node, "link set lo up", "link add bridge0 type bridge forward_delay 0 mcast_snooping 0",
               f"link set bridge0 mtu {self._mtu} addrgenmode none up")
            for name in self._first:
                self.add(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for name in [*self._numbers]:
            self.remove(name)
        if self._own_cgroups:
            self.cgroups.__exit__(kind, value, trace)
        if os.path.exists(f"/run/netns/{self.node}"):
            ip(None, f"netns delete {self.node}")

    def add(self, name: str) -> None:
        """Makes a pod's cgroup and network."""
        self.cgroups.make(name)
        self._numbers[name] = self._next_number
        self._next_number += 1
        pod = self.namespace(name)
        ip(None, f"netns add {pod}", f"link add {self.host_end(name)} netns {self.node} type veth peer name eth0 netns {pod}")
        ip(self.node, f"link set {self.host_end(name)} mtu {self._mtu} addrgenmode none master bridge0 up")
        ip(pod, "link set lo up", f"link set eth0 mtu {self._mtu} addrgenmode none",
           f"address add {self.address(name)}/24 dev eth0", f"address add {self.address6(name)}/64 dev eth0 nodad",
           "link set eth0 up")
        self.start(name, "sleep", "infinity")  # a container is one from its first process on

    def remove(self, name: str) -> None:
        """Ends what runs in a pod and deletes its namespace, and with it both ends of its veth pair."""
        del self._numbers[name]
        for process in self._processes.pop(name, []):
            if process in self.cgroups.processes:
                self.cgroups.end(process)
        if os.path.exists(f"/run/netns/{self.namespace(name)}"):
            ip(None, f"netns delete {self.namespace(name)}")

    def namespace(self, name: str) -> str:
        """Its name under /run/netns."""
        return self._namespace(f"{self._node}-{name}")

    def address(self, name: str) -> str:
        """The pod's IPv4 address."""
        return f"10.198.{self._subnet}.{self._numbers[name]}"

    def address6(self, name: str) -> str:
        """The pod's IPv6 address."""
        return f"fd00:198:{self._subnet}::{self._numbers[name]:x}"

    def host_end(self, name: str) -> str:
        """The node's end of the pod's veth pair (an interface's name has at most 15 bytes)."""
        return f"to-{name}"[:15]

    def route_through_node(self, name: str) -> str:
        """Makes the node the pods' router, and the only way to and from one of them, so that NAT there has both
        directions. Returns an address that the node has in front of it, as a service has."""
        gateway, service = f"10.198.{self._subnet}.1", f"10.197.{self._subnet}.1"
        ip(self.node, f"address add {gateway}/24 dev bridge0")
        for pod in self._numbers:
            ip(self.namespace(pod), f"route add default via {gateway}")
        ip(self.namespace(name), f"route add {gateway} dev eth0", f"route del 10.198.{self._subnet}.0/24 dev eth0")
        self.run(NODE, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/bridge0/send_redirects; "
                 "echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects")
        return service

    @contextmanager
    def filter_bridge(self) -> Iterator[None]:
        """What the bridge forwards meets the node's FORWARD chain (Delay, loss), as on nodes with kube-proxy."""
        ip(self.node, "link set bridge0 type bridge nf_call_iptables 1 nf_call_ip6tables 1")
        try:
            yield
        finally:
            ip(self.node, "link set bridge0 type bridge nf_call_iptables 0 nf_call_ip6tables 0")

    def start(self, name: str, *command: str) -> "subprocess.Popen[bytes]":
        """Starts a command in the pod's network and cgroup; it is killed at the end. stdout is a pipe."""
        process = self.cgroups.run(f"{self.cgroups.name}/{name}", *command, prefix=enter(self.namespace(name)))
        self._processes.setdefault(name, []).append(process)
        return process

    def run(self, name: str, *command: str) -> str:
        """What a command prints that runs in the pod's network, outside of its cgroup; NODE: the node's."""
        namespace = self.node if name == NODE else self.namespace(name)
        return subprocess.run([*enter(namespace), *command], check=True, capture_output=True, text=True).stdout


def enter(namespace: str) -> tuple[str, ...]:
    """A prefix that runs a command in the namespace; `ip netns exec` would take the cgroups away."""
    return ("nsenter", f"--net=/run/netns/{namespace}")
