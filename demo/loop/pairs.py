"""Round trips between the shop's services, as Prometheus has them from the exporter."""
from demo.loop.loop import Loop

WINDOW = "1m"
# What ./try shows of them: column, histogram.
TIMES = {"round trip": "sonde_flow_rtt_seconds", "request": 'sonde_flow_request_latency_seconds{role="client"}'}
Pair = tuple[str, str]


def medians(loop: Loop, histogram: str) -> dict[Pair, float]:
    """(service, remote service) → the median in seconds, of the pairs that had any sample lately."""
    name, _, matchers = histogram.rstrip("}").partition("{")
    selector = f'{name}_bucket{{namespace="{loop.namespace}",remote_namespace="{loop.namespace}",{matchers}}}'
    query = f"histogram_quantile(0.5, sum by (service, remote_service, le) (rate({selector}[{WINDOW}])))"
    return {
        (sample.labels["service"], sample.labels["remote_service"]): sample.value
        for sample in loop.query(query)
        if sample.value == sample.value  # NaN: no sample within the window
    }


def show(loop: Loop) -> None:
    """A line for each pair; none where the exporter measures no flows (no BTF)."""
    columns = {name: medians(loop, histogram) for name, histogram in TIMES.items()}
    pairs = sorted({pair for column in columns.values() for pair in column})
    if not pairs:
        return
    print("  medians of the last minute, between services:")
    for local, remote in pairs:
        times = [
            f"{name} {column[local, remote] * 1e3:.3f} ms" for name, column in columns.items() if (local, remote) in column
        ]
        print(f"  {f'{local} → {remote}':<22} {', '.join(times)}", flush=True)
