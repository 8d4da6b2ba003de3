"""The kernel's accounting of the time that BPF programs take (kernel.bpf_stats_enabled)."""
from collections.abc import Iterator
from contextlib import contextmanager

STATS = "/proc/sys/kernel/bpf_stats_enabled"


@contextmanager
def bpf_stats() -> Iterator[None]:
    """The kernel measures every run of a program meanwhile; then as before."""
    with open(STATS, encoding="ascii") as file:
        before = file.read()
    with open(STATS, "w", encoding="ascii") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(STATS, "w", encoding="ascii") as file:
            file.write(before)
