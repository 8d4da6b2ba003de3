"""./try: the whole loop on one machine, ending with a diagnosis."""
import argparse
import secrets
import signal
import sys
import threading
from pathlib import Path

from demo.loop import campaign, experiment, network_delay, pairs
from demo.loop.client import Unavailable
from demo.loop.loop import Loop
from demo.loop.progress import say, show_diagnosis
from demo.loop.shop import service_of


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./try",
        description=(
            "Builds Sonde, starts a small shop and everything that watches it, puts a CPU hog into one of its "
            "containers, or, with --campaign, one fault after the other, and shows what Sonde says. Ctrl-C stops and removes everything."
        ),
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="exit after the diagnosis: 0 = right container named, no alert before",
    )
    parser.add_argument(
        "--fault",
        choices=["cpu", "none", "load", "delay"],
        default="cpu",
        help="cpu: a CPU hog (default); none: nothing, 0 = nothing alerts; "
        "load: the load doubles, 0 = no container is named; "
        "delay: the network delays what is sent to a container (default: redis), 0 = a trace begins and names the network",
    )
    parser.add_argument(
        "--campaign",
        choices=list(campaign.SIZES),
        help="instead of one fault many, one after the other, under a changing load; classifiers learn from them, are "
        "tested with injections that they have not seen, and go on telling faults. short: 26 injections, "
        "some 18 minutes; tiny: 8, 5 minutes; full: 39, an hour",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/campaign"),
        help="of --campaign: folder for the table, the report and the pictures (default: build/campaign)",
    )
    parser.add_argument(
        "--target", metavar="NAME", help="service or container to fault (default: drawn at random)"
    )
    parser.add_argument("--seed", type=int, help="of the draw (default: random, printed)")
    parser.add_argument(
        "--quiet-seconds",
        type=float,
        default=60,
        help="before the fault, and at least until a baseline of each container is learned (default: 60)",
    )
    parser.add_argument(
        "--observe-seconds", type=float, default=60, help="of --fault none and load (default: 60)"
    )
    parser.add_argument("--rate", type=float, default=100, help="requests per second (default: 100)")
    parser.add_argument(
        "--unscraped-injector",
        action="store_true",
        help="leave the injector's own metrics out of Prometheus: the verdict stays the same",
    )
    return parser.parse_args()


def exporter_flags(fault: str) -> tuple[str, ...]:
    """What sonde-exporter is told beside the usual."""
    return network_delay.EXPORTER_FLAGS if fault == "delay" else ()


def perform(loop: Loop, options: argparse.Namespace, target: str, seed: int) -> experiment.Outcome:
    """The experiment that was asked for."""
    if options.campaign:
        size = campaign.SIZES[options.campaign]
        return campaign.run(loop, size, seed, options.rate, options.output)
    if options.fault == "none":
        return experiment.run_none(loop, options.quiet_seconds + options.observe_seconds)
    if options.fault == "load":
        return experiment.run_load(loop, options.rate, options.quiet_seconds, options.observe_seconds)
    if options.fault == "delay":
        return network_delay.run(loop, target, options.quiet_seconds)
    return experiment.run_fault(loop, target, options.quiet_seconds)


def show_urls(loop: Loop) -> None:
    """Where to look while it runs."""
    say("everything is up; to look at in a browser:")
    for what, url in (
        ("diagnosis", f"{loop.url('analyzer')}/diagnose"),
        ("Prometheus", loop.prometheus_url + "/graph"),
        ("Alertmanager", loop.url("alertmanager")),
        ("analyzer", loop.url("analyzer")),
        ("exporter", loop.url("exporter")),
        ("HAProxy", loop.url("haproxy")),
        ("load", loop.url("load")),
    ):
        print(f"  {what:<13} {url}", flush=True)


def main() -> int:
    """Exit code: 0 passed, 1 not, 2 wrong arguments, 130 interrupted."""
    options = arguments()
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    try:
        target = experiment.draw(options.target or (network_delay.TARGET if options.fault == "delay" else None), seed)
    except ValueError as error:
        print(f"try: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    interrupted = threading.Event()
    try:
        with Loop(
            options.rate,
            scrape_injector=not options.unscraped_injector,
            say=lambda text: say(f"starting {text}"),
            exporter_flags=exporter_flags(options.fault),
        ) as loop:
            show_urls(loop)
            say(f"seed {seed}")
            outcome = perform(loop, options, target, seed)
            if outcome.diagnosis is not None and outcome.delay_seconds is not None:
                show_diagnosis(outcome.diagnosis, outcome.delay_seconds)
            pairs.show(loop)
            say(outcome.summary)
            if not options.once:
                diagnosis = f"{loop.url('analyzer')}/diagnose?namespace={loop.namespace}&service={service_of(target)}"
                say(f"everything stays up until Ctrl-C: {diagnosis}, Prometheus {loop.prometheus_url}")
                interrupted.wait()
            say("stopping")
        return 0 if outcome.passed else 1
    except KeyboardInterrupt:
        say("interrupted; everything was stopped")
        return 130
    except (RuntimeError, TimeoutError, Unavailable) as error:
        print(f"try: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
