"""What watches the shop: sonde-exporter, Prometheus, Alertmanager, sonde-analyzer."""
import os
import signal
from pathlib import Path

from demo.loop import configuration
from demo.loop.process import Placement, Process

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
JOBS = {
    "exporter": "sonde-exporter",
    "analyzer": "sonde-analyzer",
    "haproxy": "haproxy",
    "load": "demo-load",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "injector": "sonde-inject",
}


class Watch:
    """The observing half of the loop; each server can be stopped, killed and started again by its name."""

    def __init__(
        self,
        name: str,
        folder: Path,
        programs: Path,
        ports: dict[str, int],
        tools: list[Path],
        interval: str,
        scrape_injector: bool,
        switch: str,
        way_out: str,
        exporter_flags: tuple[str, ...] = (),
    ) -> None:
        """`tools`: the cgroup entries of what is not a container; `switch`: the network namespace where the containers'
        interfaces end; `way_out`: the interface there by which packets leave the shop; `exporter_flags`: beside those
        that the loop needs."""
        self._name = name
        self._folder = folder
        self._programs = programs
        self._ports = ports
        self._interval = interval
        self._jobs = [job for job in JOBS if scrape_injector or job != "injector"]
        self._tools = tools
        self._switch = switch
        self._way_out = way_out
        self._exporter_flags = exporter_flags
        self.processes: dict[str, Process] = {}

    def url(self, server: str) -> str:
        """Where a server of the loop listens."""
        return f"http://127.0.0.1:{self._ports[server]}"

    def stop_scraping(self, job: str) -> None:
        """Takes a server out of Prometheus, which goes on with what it has."""
        self._jobs.remove(job)
        self._write_prometheus()
        os.kill(self.processes["prometheus"].pid, signal.SIGHUP)

    def _write_prometheus(self) -> Path:
        jobs = "".join(configuration.JOB.format(job=JOBS[job], port=self._ports[job]) for job in self._jobs)
        rules = ", ".join(f"'{path}'" for path in sorted(RULES.glob("*.rules.yml")))
        return configuration.write(
            self._folder / "prometheus.yml",
            configuration.PROMETHEUS,
            jobs=jobs,
            rules=rules,
            interval=self._interval,
            alertmanager=self._ports["alertmanager"],
            analyzer=self.url("analyzer"),
        )

    def start(self) -> None:
        """Writes the configurations and starts all four."""
        folder = self._folder
        prometheus = self._write_prometheus()
        analyzer = configuration.write(
            folder / "analyzer.yml",
            configuration.ANALYZER,
            interval=self._interval,
            prometheus=self.url("prometheus"),
            models=folder / "models",
            namespace=self._name,
        )
        self._start(
            "exporter",
            [
                self._program("sonde-exporter"),
                f"--web.listen-address=127.0.0.1:{self._ports['exporter']}",
                f"--container.cgroup-include=/{self._name}/[^/]+",
                f"--flows.network-namespace={self._switch}",
                f"--mapping.interfaces={self._way_out}",  # the node's link, where packets leave for the clients
                "--collector.syscalls.sampling-period=1s",  # the demo scrapes more often than others do
                f"--node.lock=sonde-exporter of {self._name}",  # another run's exporter watches another tree
                *self._exporter_flags,
            ],
        )
        self._start(
            "prometheus",
            [
                "prometheus",
                f"--config.file={prometheus}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{self._ports['prometheus']}",
                "--storage.tsdb.retention.time=7d",
                "--log.level=warn",
            ],
        )
        self._start(
            "alertmanager",
            [
                "prometheus-alertmanager",
                f"--config.file={RULES / 'alertmanager.yml'}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{self._ports['alertmanager']}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ],
        )
        self._start(
            "analyzer",
            [
                self._program("sonde-analyzer"),
                f"--config.file={analyzer}",
                f"--web.listen-address=127.0.0.1:{self._ports['analyzer']}",
            ],
        )

    def inject(self, cgroup: str, duration_seconds: float) -> Process:
        """Starts the injector on a container's cgroup."""
        if "injector" in self.processes:
            self.processes["injector"].stop()
        return self._start(
            "injector",
            [
                self._program("sonde-inject"),
                "cpu",
                f"--cgroup={cgroup}",
                f"--duration={duration_seconds:g}s",
                f"--state-dir={self._folder / 'faults'}",
                f"--web.listen-address=127.0.0.1:{self._ports['injector']}",
            ],
        )

    def campaign(self, file: Path) -> Process:
        """Starts a campaign in the injector's place."""
        if "injector" in self.processes:
            self.processes["injector"].stop()
        return self._start(
            "injector",
            [
                self._program("sonde-inject"),
                "campaign",
                str(file),
                f"--state-dir={self._folder / 'faults'}",
                f"--web.listen-address=127.0.0.1:{self._ports['injector']}",
            ],
        )

    def _program(self, name: str) -> str:
        return str(self._programs / name)

    def _start(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, Placement(self._tools), self._folder / f"{name}.log")
        process.start()
        self.processes[name] = process
        return process

    def stop(self) -> None:
        """Stops all of them, the injector first: it takes its fault back."""
        for process in reversed(self.processes.values()):
            process.ask_to_stop()
            if process.name == "injector":
                process.wait()
        for process in self.processes.values():
            process.wait()
