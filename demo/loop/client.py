"""HTTP to the loop's servers: JSON in and out, Prometheus's queries, Alertmanager's alerts."""
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

# The loop's servers are on loopback: a proxy of the environment must not see these requests.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
TIMEOUT_SECONDS = 5.0
T = TypeVar("T")


class Unavailable(Exception):
    """A server that does not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Sample:
    """One series of an instant query's result."""

    labels: dict[str, str]
    value: float


def get(url: str, parameters: dict[str, str] | None = None, timeout: float = TIMEOUT_SECONDS) -> str:
    """The body of a 200 answer. Raises Unavailable otherwise."""
    return _request(url, parameters, None, timeout)


def post(url: str, parameters: dict[str, str] | None = None, body: bytes = b"") -> str:
    """The body of a 200 answer to a POST. Raises Unavailable otherwise."""
    return _request(url, parameters, body, TIMEOUT_SECONDS)


def _request(url: str, parameters: dict[str, str] | None, body: bytes | None, timeout: float) -> str:
    full = url + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
    try:
        with _OPENER.open(urllib.request.Request(full, data=body), timeout=timeout) as answer:
            return bytes(answer.read()).decode("utf-8")
    except urllib.error.HTTPError as error:
        raise Unavailable(
            f"{full}: {error.code} {error.read().decode('utf-8', 'replace').strip()}"
        ) from error
    except OSError as error:
        raise Unavailable(f"{full}: {error}") from error


def get_json(url: str, parameters: dict[str, str] | None = None) -> Any:
    """The same, read as JSON."""
    text = get(url, parameters)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unavailable(f"{url}: not JSON: {text[:200]!r}") from error


def query(prometheus_url: str, promql: str) -> list[Sample]:
    """An instant query's vector."""
    answer = get_json(prometheus_url + "/api/v1/query", {"query": promql})
    result = answer["data"]["result"]
    if answer["data"]["resultType"] == "scalar":
        return [Sample({}, float(result[1]))]
    return [Sample(series["metric"], float(series["value"][1])) for series in result]


_SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def scrape(url: str, name: str) -> list[Sample]:
    """The samples of one name that a /metrics page shows now, without Prometheus between."""
    return samples(get(url), name)


def samples(page: str, name: str) -> list[Sample]:
    """Those of one name in the text of a /metrics page."""
    found = []
    for line in page.splitlines():
        match = _SERIES.match(line)
        if match and match.group(1) == name:
            found.append(Sample(dict(_LABEL.findall(match.group(2) or "")), float(match.group(3))))
    return found


def alerts(alertmanager_url: str) -> list[dict[str, str]]:
    """The label sets of the alerts that are active in Alertmanager now."""
    answer = get_json(alertmanager_url + "/api/v2/alerts", {"active": "true"})
    return [alert["labels"] | {"startsAt": alert["startsAt"]} for alert in answer]


def wait_for(what: str, attempt: Callable[[], T | None], seconds: float, every: float = 0.1) -> T:
    """Calls `attempt` until it returns something true; Unavailable counts as not yet. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    problem = ""
    while time.monotonic() < deadline:
        try:
            if result := attempt():
                return result
        except Unavailable as error:
            problem = f" ({error})"
        time.sleep(every)
    raise TimeoutError(f"{what}: not within {seconds:.0f} s{problem}")
