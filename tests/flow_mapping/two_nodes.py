"""Two nodes with pods, and a network between them that tests slow down: namespaces of this machine alone.

    pods of a – bridge – node a – under0 – network – under0 – node b – bridge – pods of b

Each node routes its pods' packets; how those reach the other node is the test's choice (vxlan(), user_space_tunnel(), or
NAT). An exporter runs in each node's network namespace, as on a real node.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flows"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporter"))
from peers import TRAFFIC  # noqa: E402
from pod_networks import NODE, PREFIX, PodNetworks, enter, ip  # noqa: E402
from running_exporter import PROGRAM, samples  # noqa: E402

UNDERLAY = {"a": "192.0.2.1", "b": "192.0.2.129"}
UNDERLAY_ROUTER = {"a": "192.0.2.126", "b": "192.0.2.254"}
TUNNEL = {"a": "10.197.0.1", "b": "10.197.0.2"}
SUBNET = {"a": 1, "b": 2}
TUNNEL_END = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tunnel_end.py")
DEADLINE_SECONDS = 60
EXPORTER_PORT = 9756
# A client whose own port is the test's choice: ADDRESS PORT OWN-PORT.
BOUND_CLIENT = f"""
import socket, sys, time
sys.path.insert(0, {os.path.dirname(TRAFFIC)!r})
from traffic import HEAD, receive
connection = socket.socket()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
connection.bind(("", int(sys.argv[3])))
connection.connect((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
while receive(connection, 0 * connection.send(HEAD.pack(100, 100, 0) + bytes(100 - HEAD.size))) and receive(connection, 100):
    time.sleep(0.05)
"""


class Node:
    """One of the two; `other` names the other one."""

    def __init__(self, name: str, pods: PodNetworks) -> None:
        self.name, self.other, self.pods = name, {"a": "b", "b": "a"}[name], pods
        self.address = UNDERLAY[name]
        self.pod_range = f"10.198.{SUBNET[name]}.0/24"

    @property
    def namespace(self) -> str:
        return self.pods.node

    @property
    def pod_namespace(self) -> str:
        """The label `namespace` of its pods."""
        return self.pods.cgroups.name

    def run(self, *command: str) -> str:
        """What a command prints that runs in the node's network."""
        return self.pods.run(NODE, *command)

    def _connect_pods(self) -> None:
        gateway = f"10.198.{SUBNET[self.name]}.1"
        ip(self.namespace, f"address add {gateway}/24 dev bridge0")
        for pod in list(self.pods._numbers):  # noqa: SLF001: all that it has
            ip(self.pods.namespace(pod), f"route add default via {gateway}")
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def nat(self, chain: str, *rule: str) -> None:
        """Adds a rule of NAT; it goes with the namespace."""
        self.run("iptables", "-w", "-t", "nat", "-A", chain, *rule)


class NodeExporter:
    """The exporter of a node, in its network namespace, for its pods alone."""

    def __init__(self, node: Node, *flags: str) -> None:
        self._node = node
        self._log: list[str] = []
        self._process = subprocess.Popen(
            [*enter(node.namespace), PROGRAM, f"--web.listen-address=0.0.0.0:{EXPORTER_PORT}", "--node.lock=none",
             f"--container.cgroup-include=/{node.pod_namespace}/[^/]+", "--collector.disable-defaults",
             "--collector.flow_mapping", *flags], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line)
            if "msg=listening" in line:
                return
        raise AssertionError("sonde-exporter did not start:\n" + "".join(self._log))

    def __enter__(self) -> "NodeExporter":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate(timeout=DEADLINE_SECONDS)

    def kill(self) -> None:
        """Ends it without a last word."""
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> str:
        return self._node.run("curl", "-sS", "--fail-with-body", "-g", f"http://127.0.0.1:{EXPORTER_PORT}{path}")

    def mappings(self, query: str = "") -> list[dict]:
        """The flows that GET /mappings lists."""
        return json.loads(self.get("/mappings?limit=10000" + ("&" + query if query else "")))["flows"]


@contextlib.contextmanager
def two_nodes(pods_of_a: tuple[str, ...], pods_of_b: tuple[str, ...]) -> Iterator[tuple[Node, Node, str]]:
    """The nodes a and b, and the name of the network's namespace between them."""
    network = f"{PREFIX}-{os.getpid()}-network"
    with contextlib.ExitStack() as stack:
        nodes = []
        for name, pods in (("a", pods_of_a), ("b", pods_of_b)):
            networks = PodNetworks(*pods, node=name, subnet=SUBNET[name], mtu=1400)
            networks.cgroups.name += f"-{name}"  # each exporter is told its node's
            nodes.append(Node(name, stack.enter_context(networks)))
        ip(None, f"netns add {network}")
        stack.callback(ip, None, f"netns delete {network}")
        ip(network, "link set lo up")
        for node in nodes:
            router = UNDERLAY_ROUTER[node.name]
            ip(None, f"link add under0 netns {node.namespace} type veth peer name to-{node.name} netns {network}")
            ip(network, f"address add {router}/25 dev to-{node.name}", f"link set to-{node.name} up")
            ip(node.namespace, f"address add {node.address}/25 dev under0", "link set under0 up",
               f"route add default via {router}")
            node._connect_pods()  # noqa: SLF001
        subprocess.run([*enter(network), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"], check=True)
        yield nodes[0], nodes[1], network


def vxlan(*nodes: Node, vni: int = 42) -> None:
    """Pods reach those of the other node by VXLAN."""
    for node in nodes:
        other = node.other
        ip(node.namespace, f"link add vxlan0 mtu 1400 type vxlan id {vni} local {node.address} remote {UNDERLAY[other]} "
           "dstport 4789", f"address add {TUNNEL[node.name]}/24 dev vxlan0", "link set vxlan0 up",
           f"route add 10.198.{SUBNET[other]}.0/24 via {TUNNEL[other]}")


@contextlib.contextmanager
def user_space_tunnel(kind: str, *nodes: Node) -> Iterator[None]:
    """Pods reach those of the other node by Geneve or IP-in-IP; this kernel need not have the interface type."""
    processes = []
    try:
        for node in nodes:
            process = subprocess.Popen([*enter(node.namespace), sys.executable, TUNNEL_END, kind, "tunnel0", node.address,
                                        UNDERLAY[node.other]], stdout=subprocess.PIPE, text=True)
            processes.append(process)
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            ip(node.namespace, "link set tunnel0 mtu 1380 up", f"route add 10.198.{SUBNET[node.other]}.0/24 dev tunnel0")
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def until(question: str, answer: object) -> object:
    """Calls `answer` until it is true; returns it."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (found := answer()):  # type: ignore[operator]
        if time.monotonic() > end:
            raise AssertionError(f"not within {DEADLINE_SECONDS} s: {question}")
        time.sleep(0.2)
    return found


def talk_from_port(node: Node, pod: str, address: str, port: int, own_port: int) -> "subprocess.Popen[bytes]":
    """A connected client with a port of the test's choice."""
    process = node.pods.start(pod, sys.executable, "-c", BOUND_CLIENT, address, str(port), str(own_port))
    assert process.stdout is not None
    assert process.stdout.readline() == b"connected\n"
    return process


def flow(exporter: NodeExporter, local_port: int, remote_port: int, **ends: str) -> dict:
    """The one flow with these ports, once both its directions have been seen; `ends`: addresses of local and remote."""
    def find() -> list[dict]:
        return [one for one in exporter.mappings()
                if (one["local"]["port"], one["remote"]["port"]) == (local_port, remote_port)
                and one["sent"]["packets"] and one["received"]["packets"]
                and all(one[end]["address"] == address for end, address in ends.items())]

    found = until(f"a flow {local_port} to {remote_port}", find)
    assert len(found) == 1, found  # type: ignore[arg-type]
    return found[0]  # type: ignore[index]


def rows(exporter: NodeExporter, name: str) -> list[tuple[dict[str, str], float]]:
    """Samples of a family: labels and value."""
    return [(dict(labels), value) for (series, labels), value in samples(exporter.get("/metrics")) if series == name]


class Prometheus:
    """A real Prometheus in a node's network that scrapes both exporters each second; `rules`: a file of rules."""

    def __init__(self, node: Node, folder: str, rules: str = "groups: []") -> None:
        self._node = node
        config = os.path.join(folder, "prometheus.yml")
        targets = ", ".join(f'"{address}:{EXPORTER_PORT}"' for address in UNDERLAY.values())
        with open(os.path.join(folder, "rules.yml"), "w", encoding="utf-8") as file:
            file.write(rules)
        with open(config, "w", encoding="utf-8") as file:
            file.write("global: {scrape_interval: 1s, scrape_timeout: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n"
                       f"- {{job_name: sonde, honor_labels: true, static_configs: [{{targets: [{targets}]}}]}}\n")
        self._process = subprocess.Popen([*enter(node.namespace), "prometheus", f"--config.file={config}",
                                          f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090"],
                                         stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(DEADLINE_SECONDS)

    def query(self, expression: str) -> list[dict]:
        """An instant query's vector; empty while it does not answer yet."""
        done = subprocess.run([*enter(self._node.namespace), "curl", "-sS", "--data-urlencode", f"query={expression}",
                               "http://127.0.0.1:9090/api/v1/query"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return []
        answer = json.loads(done.stdout)
        assert answer["status"] == "success", answer
        return answer["data"]["result"]


def documented_query(page: str, name: str) -> str:
    """The PromQL that a document shows in the code block whose first line is `# name`."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, page), encoding="utf-8") as file:
        found = re.search(r"```promql\n# " + re.escape(name) + r"\n(.*?)```", file.read(), re.S)
    assert found, f"{page} has no query '{name}'"
    return found.group(1)
