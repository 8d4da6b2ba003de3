"""The demo shop: nginx → HAProxy → three replicas of sonde-demo-api → Redis, PostgreSQL, and its load."""
import glob
import os
import socket
import subprocess
from pathlib import Path

from demo.loop import configuration
from demo.loop.cgroups import Tree
from demo.loop.network import Network
from demo.loop.process import Placement, Process, open_for

REPLICAS = ["api-1", "api-2", "api-3"]
CONTAINERS = ["nginx", "haproxy", *REPLICAS, "redis", "postgres"]
ITEMS = 500
USER = "nobody"
DATABASE_USER = "postgres"
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
        self._create_database()

    def start(self) -> None:
        """Starts everything, the backends first."""
        folder = self._folder / "shop"
        self._start(
            "postgres", [str(_postgres("postgres")), "-D", str(self._folder / "postgres")], DATABASE_USER
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

    def _start_load(self) -> None:
        self._run(
            Process(
                "load",
                [
                    str(self._programs / "sonde-demo-load"),
                    f"--web.listen-address=127.0.0.1:{self._ports['load']}",
                    f"--network-namespace={self.network.file('load')}",
                    f"--target.host={self.network.address('nginx')}",
                    "--target.port=8080",
                    f"--rate={self._rate}",
                    f"--items={ITEMS}",
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

    def _create_database(self) -> None:
        data = open_for(DATABASE_USER, self._folder / "postgres")
        as_user = ["setpriv", f"--reuid={DATABASE_USER}", f"--regid={DATABASE_USER}", "--clear-groups", "--"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        for command, script in (
            ([_postgres("initdb"), "-D", data, "-A", "trust", "--no-sync", "--no-instructions"], ""),
            # Single-user mode: the container's counters start with a database that is filled already.
            (
                [_postgres("postgres"), "--single", "-D", data, "postgres"],
                configuration.DATABASE.format(items=ITEMS),
            ),
        ):
            done = subprocess.run(
                [*as_user, *map(str, command)],
                input=script,
                capture_output=True,
                text=True,
                cwd="/",
                env=environment,
                check=False,
            )
            if done.returncode != 0 or "ERROR" in done.stderr:
                raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
        with open(data / "pg_hba.conf", "a", encoding="utf-8") as rules:
            rules.write("host all all samenet trust\n")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as settings:
            settings.write("listen_addresses = '*'\nunix_socket_directories = ''\nshared_buffers = 32MB\n")

    def stop(self) -> None:
        """Stops everything in the order of the data path, then removes cgroups and networks."""
        for process in reversed(self.processes.values()):
            process.ask_to_stop()
        for process in reversed(self.processes.values()):
            process.wait()
        self.tree.remove()
        self.network.down()


def _postgres(program: str) -> Path:
    """Debian keeps each version's programs in a folder of its own."""
    found = glob.glob(f"/usr/lib/postgresql/*/bin/{program}")
    if not found:
        raise RuntimeError(f"PostgreSQL's {program} is missing; install the package postgresql")
    return Path(max(found, key=lambda path: int(path.split("/")[4])))
