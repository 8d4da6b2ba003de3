"""The demo shop: nginx → HAProxy → three replicas of sonde-demo-api → Redis, PostgreSQL, and its load."""
import socket
from pathlib import Path

from demo.loop import configuration, database
from demo.loop.cgroups import Tree
from demo.loop.network import Network
from demo.loop.process import Placement, Process, open_for

REPLICAS = ["api-1", "api-2", "api-3"]
CONTAINERS = ["nginx", "haproxy", *REPLICAS, "redis", "postgres"]
ITEMS = 500
USER = "nobody"
DATABASE = "dbname=postgres user=postgres connect_timeout=2"


def service_of(container: str) -> str:
    """The service that a container is a replica of: api-2 → api."""
    name, _, number = container.rpartition("-")
    return name if name and number.isdigit() else container


class Shop:
    """The containers, each in its own cgroups and network namespace, and the load outside of them."""

    def __init__(
        self, name: str, folder: Path, programs: Path, ports: dict[str, int], tools: list[Path], rate: float
    ) -> None:
        """`tools`: the cgroup entries of what is not a container."""
        self._folder = folder
        self._programs = programs
        self._ports = ports
        self._rate = rate
        self.tree = Tree(name)
        self._tools = tools
        self.network = Network(name, [*CONTAINERS, "load"])
        self.processes: dict[str, Process] = {}

    def prepare(self) -> None:
        """Makes cgroups, networks and the database, before anything runs."""
        for container in CONTAINERS:
            self.tree.add(container)
        self.network.up()
        open_for(USER, self._folder / "shop")
        database.create(self._folder / "postgres", self._tools, self._log("initdb"), ITEMS)

    def start(self) -> None:
        """Starts everything, the backends first."""
        folder = self._folder / "shop"
        self._start(
            "postgres", [database.program("postgres"), "-D", str(self._folder / "postgres")], database.USER
        )
        self._start(
            "redis",
            [
                "redis-server",
                "--bind",
                "0.0.0.0",
                "--protected-mode",
                "no",
                "--save",
                "",
                "--dir",
                str(folder),
            ],
        )
        for replica in REPLICAS:
            self._start(
                replica,
                [
                    str(self._programs / "sonde-demo-api"),
                    "--web.listen-address=:8080",
                    f"--redis.host={self.network.address('redis')}",
                    f"--postgres=host={self.network.address('postgres')} {DATABASE}",
                ],
            )
        self._start_haproxy(folder)
        nginx = configuration.write(
            folder / "nginx.conf", configuration.NGINX, folder=folder, haproxy=self.network.address("haproxy")
        )
        self._start("nginx", ["nginx", "-e", "stderr", "-c", str(nginx)])
        self._start_load()

    def _start(self, name: str, command: list[str], user: str = USER, pass_fds: tuple[int, ...] = ()) -> None:
        self._run(
            Process(
                name,
                command,
                Placement(self.tree.entries(name), self.network.file(name), user),
                self._log(name),
                pass_fds,
            )
        )

    def _start_haproxy(self, folder: Path) -> None:
        # The listening socket of its metrics is made here, in the network where Prometheus and people are,
        # and handed over: HAProxy itself stays in the container's namespace.
        with socket.create_server(("127.0.0.1", self._ports["haproxy"])) as metrics:
            path = configuration.write(
                folder / "haproxy.cfg",
                configuration.HAPROXY,
                metrics_fd=metrics.fileno(),
                servers="\n".join(
                    f"  server {replica} {self.network.address(replica)}:8080" for replica in REPLICAS
                ),
            )
            self._start("haproxy", ["haproxy", "-f", str(path)], pass_fds=(metrics.fileno(),))

    def url(self) -> str:
        """What the load asks for, in the network namespace `load`."""
        return f"http://{self.network.address('nginx')}:8080/item?id={{1-{ITEMS}}}"

    def _start_load(self) -> None:
        self._run(
            Process(
                "load",
                [
                    str(self._programs / "sonde-inject"),
                    "workload",
                    f"--web.listen-address=127.0.0.1:{self._ports['load']}",
                    f"--network-namespace={self.network.file('load')}",
                    f"--url={self.url()}",
                    f"--rate={self._rate}",
                ],
                Placement(self._tools),
                self._log("load"),
            )
        )

    def _run(self, process: Process) -> None:
        process.start()
        self.processes[process.name] = process

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def stop(self) -> None:
        """Stops everything in the order of the data path, then removes cgroups and networks."""
        for process in reversed(self.processes.values()):
            process.ask_to_stop()
        for process in reversed(self.processes.values()):
            process.wait()
        self.tree.remove()
        self.network.down()
