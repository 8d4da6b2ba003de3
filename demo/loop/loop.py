"""The whole loop as one object: the shop, what watches it, and faults on demand."""
import contextlib
import functools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from demo.loop import cgroups, client, run, shop, watch
from demo.loop.delay import Delay
from demo.loop.network import SWITCH
from demo.loop.process import Process

PROGRAMS = Path(os.environ.get("SONDE_BUILD", str(watch.ROOT / "build" / "release"))) / "bin"
START_SECONDS = 60.0


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not leave half of it running."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Injection:
    """A fault in effect."""

    container: str
    start: float  # Unix seconds at which the hog began to run


class Loop:
    """Starts everything on `with Loop() as loop:` and stops it at the end, whatever happened in between.

    Containers are labelled namespace=loop.namespace, pod=container="api-2", service="api".
    """

    def __init__(
        self,
        rate: float = 100.0,
        interval: str = "2s",
        scrape_injector: bool = True,
        say: Callable[[str], None] = lambda text: None,
        exporter_flags: tuple[str, ...] = (),
    ) -> None:
        self._rate = rate
        self._interval = interval
        self._scrape_injector = scrape_injector
        self._say = say
        self._exporter_flags = exporter_flags
        self._stop: list[Callable[[], None]] = []

    def __enter__(self) -> "Loop":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self.run = run.Run()
        self._stop.append(self.run.remove)
        self.namespace = self.run.name
        tools = cgroups.Tree(f"{self.run.name}.tools")
        self._stop.append(tools.remove)
        tools.add("tools")
        common = (self.run.name, self.run.folder, PROGRAMS, self.run.ports, tools.entries("tools"))
        self._tools = tools.entries("tools")
        self.shop = shop.Shop(*common, self._rate)
        switch = self.shop.network.namespace(SWITCH)
        way_out = self.shop.network.host_end("load")
        self.watch = watch.Watch(*common, self._interval, self._scrape_injector, switch, way_out, self._exporter_flags)
        self._stop.append(self.shop.stop)
        self._say("cgroups, network namespaces, database")
        self.shop.prepare()
        self._say(f"the shop: {', '.join(shop.CONTAINERS)}, {self._rate:g} requests/s")
        self.shop.start()
        self._wait("the shop answers", self._shop_answers)
        self._stop.append(self.watch.stop)
        self._say("sonde-exporter, Prometheus, Alertmanager, sonde-analyzer")
        self.watch.start()
        for server, path in (
            ("prometheus", "/-/ready"),
            ("alertmanager", "/-/ready"),
            ("exporter", "/-/ready"),
            ("analyzer", "/-/healthy"),
        ):
            self._wait(f"{server} is ready", functools.partial(client.get, self.url(server) + path))

    def _shop_answers(self) -> bool:
        requests = self.scrape("load", "sonde_workload_requests_total")
        return any(sample.value > 0 for sample in requests if sample.labels["code"] == "200")

    def _wait(self, what: str, attempt: Callable[[], Any]) -> None:
        def checked() -> Any:
            self.check()
            return attempt()

        client.wait_for(what, checked, START_SECONDS)

    def stop(self) -> None:
        """Stops and removes everything that was started, in reverse order; one failure does not end it."""
        problems = []
        with _uninterrupted():
            while self._stop:
                step = self._stop.pop()
                try:
                    step()
                except Exception as error:  # pylint: disable=broad-exception-caught
                    problems.append(f"{error}")
        if problems:
            raise RuntimeError("; ".join(problems))

    def check(self) -> None:
        """Raises where a server has ended by itself."""
        for process in [*self.shop.processes.values(), *self.watch.processes.values()]:
            if process.name != "injector":
                process.check()

    def url(self, server: str) -> str:
        """Of prometheus, alertmanager, exporter, analyzer, injector, load or haproxy."""
        return f"http://127.0.0.1:{self.run.ports[server]}"

    @property
    def prometheus_url(self) -> str:
        """Base URL of the loop's Prometheus."""
        return self.url("prometheus")

    def query(self, promql: str) -> list[client.Sample]:
        """An instant query to the loop's Prometheus."""
        return client.query(self.prometheus_url, promql)

    def scrape(self, server: str, name: str) -> list[client.Sample]:
        """The samples of one name that a server shows now, without Prometheus between."""
        return client.scrape(self.url(server) + "/metrics", name)

    def process(self, name: str) -> Process:
        """A container's server, or one of those that watch; to stop, kill and start again."""
        return (self.shop.processes | self.watch.processes)[name]

    def alerts(self) -> list[dict[str, str]]:
        """The alerts that are in Alertmanager now. Raises Unavailable where it does not answer in time."""
        self.check()
        return client.alerts(self.url("alertmanager"))

    def fired(self, seconds: float) -> list[dict[str, str]]:
        """Every alert that fired within the last seconds, as Prometheus remembers it: also one that no poll of
        Alertmanager saw. Raises TimeoutError where Prometheus does not answer."""
        promql = f'last_over_time(ALERTS{{alertstate="firing"}}[{seconds:.0f}s])'
        answer = client.wait_for("the alerts that fired", lambda: (self.query(promql),), START_SECONDS)
        return [sample.labels for sample in answer[0]]

    def end_load(self) -> None:
        """Ends the shop's own load, where something else sends one."""
        self.shop.processes.pop("load").stop()

    @property
    def model_folder(self) -> Path:
        """Where the analyzer looks for trained classifiers."""
        return self.run.folder / "models"

    def set_rate(self, requests_per_second: float) -> None:
        """Changes the load."""
        client.post(self.url("load") + "/rate", {"value": f"{requests_per_second:g}"})

    def inject(self, container: str, duration_seconds: float = 120.0) -> Injection:
        """Puts a CPU hog into the container; returns once the injector has proven its effect."""
        process = self.watch.inject(self.shop.tree.path(container), duration_seconds)

        def started() -> float | None:
            process.check()
            start = self.scrape("injector", "sonde_fault_start_timestamp_seconds")
            return start[0].value if start else None

        return Injection(container, client.wait_for(f"the fault takes effect in {container}", started, 60))

    def delay(self, container: str, seconds: float) -> Delay:
        """What is sent to the container comes later by that, `with` this."""
        return Delay(self.shop.network, container, seconds, PROGRAMS, self.run.folder, self._tools)

    def end_injection(self) -> None:
        """Takes the fault back."""
        self.watch.processes["injector"].stop()

    def diagnose(self, service: str, time_seconds: float | None = None) -> dict[str, Any]:
        """The analyzer's diagnosis of a service of the shop."""
        parameters = {"namespace": self.namespace, "service": service}
        if time_seconds is not None:
            parameters["time"] = f"{time_seconds:.3f}"
        diagnosis: dict[str, Any] = client.get_json(self.url("analyzer") + "/diagnose", parameters)
        return diagnosis

    def trace(self, service: str, seconds: float) -> dict[str, Any]:
        """A trace of a service's connections, once it has ended."""
        body = {"container": {"namespace": self.namespace, "service": service}, "seconds": seconds}
        page = json.loads(client.post(self.url("exporter") + "/trace", body=json.dumps(body).encode()))["page"]

        def ended() -> dict[str, Any] | None:
            trace: dict[str, Any] = client.get_json(self.url("exporter") + page)
            return None if trace.get("running") else trace

        found: dict[str, Any] = client.wait_for("the trace has ended", ended, seconds + START_SECONDS)
        return found

    def wait_for_alert(self, name: str, seconds: float) -> tuple[dict[str, str], float] | None:
        """The first alert of that name and when it was seen (Unix seconds), or None within the time. Raises
        Unavailable where Alertmanager did not answer at the end of it."""
        deadline = time.monotonic() + seconds
        unanswered: client.Unavailable | None = None
        while time.monotonic() < deadline:
            try:
                for alert in self.alerts():
                    if alert["alertname"] == name:
                        return alert, time.time()
                unanswered = None
            except client.Unavailable as error:
                unanswered = error
            time.sleep(0.2)
        if unanswered is not None:
            raise unanswered
        return None
