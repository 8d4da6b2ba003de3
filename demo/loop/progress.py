"""What ./try tells the person who started it."""
import time
from typing import Any

_START = time.monotonic()


def say(text: str) -> None:
    """One line with the seconds since the start."""
    print(f"[{time.monotonic() - _START:5.1f} s] {text}", flush=True)


def say_quietly(text: str) -> None:
    """A line of detail, without the clock."""
    print(f"          {text}", flush=True)


def show_diagnosis(diagnosis: dict[str, Any], delay_seconds: float) -> None:
    """The diagnosis for people: who, what, on what evidence, how fast."""
    print(diagnosis, delay_seconds)
